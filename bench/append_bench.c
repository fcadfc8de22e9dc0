/*
 * append_bench.c - what SQLite itself can do: rows/s of an append-only log, as a line of JSON.
 *
 * append_bench PATH [ROWS]: rows of 1,100 bytes (five events of 220), 256 a commit, WAL, synchronous=FULL. The
 * figure that the engine's own are compared with, in the same run.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROW_BYTES = 1100, ROWS_PER_COMMIT = 256 };

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "append_bench: %s\n", message);
        exit(1);
    }
}

static double wall_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    int rows = argc > 2 ? atoi(argv[2]) : 256000;
    sqlite3 *db;
    if (sqlite3_open(argv[1], &db) != SQLITE_OK)
        return 1;
    run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE log (seq INTEGER PRIMARY KEY, execution INTEGER, first INTEGER, body BLOB)");
    sqlite3_stmt *insert;
    sqlite3_prepare_v2(db, "INSERT INTO log (execution, first, body) VALUES (?, ?, ?)", -1, &insert, NULL);
    char body[ROW_BYTES];
    memset(body, 'x', sizeof body);

    double start = wall_s();
    for (int row = 0; row < rows; row++) {
        if (row % ROWS_PER_COMMIT == 0)
            run(db, "BEGIN");
        sqlite3_bind_int(insert, 1, row % 1000);
        sqlite3_bind_int(insert, 2, row / 1000);
        sqlite3_bind_blob(insert, 3, body, sizeof body, SQLITE_STATIC);
        sqlite3_step(insert);
        sqlite3_reset(insert);
        if (row % ROWS_PER_COMMIT == ROWS_PER_COMMIT - 1 || row == rows - 1)
            run(db, "COMMIT");
    }
    double seconds = wall_s() - start;
    sqlite3_finalize(insert);
    sqlite3_close(db);
    printf("{\"workload\":\"sqlite-append\",\"rows\":%d,\"seconds\":%.3f,\"rowsPerSecond\":%.0f}\n", rows, seconds,
           rows / seconds);
    return 0;
}
