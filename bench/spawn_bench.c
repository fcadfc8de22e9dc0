/*
 * spawn_bench.c - measures a program from outside, as a line of JSON.
 *
 * spawn_bench NAME ends RUNS COMMAND...     median time from fork to exit, and the most memory of any run
 * spawn_bench NAME idles SECONDS COMMAND... memory SECONDS after the start; then SIGTERM
 *
 * "{}" in an argument stands for the number of the run (a store of its own for each).
 */
#include "asl/base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double wall_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static pid_t spawn(char **command, int run)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    for (char **argument = command; *argument; argument++) {
        char *place = strstr(*argument, "{}");
        if (place)
            *argument = mem_printf("%.*s%d%s", (int)(place - *argument), *argument, run, place + 2);
    }
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    execvp(command[0], command);
    _exit(127);
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static int measure_end(const char *name, int runs, char **command)
{
    double *ms = mem_zalloc(sizeof *ms * (size_t)runs);
    long kib_max = 0;
    for (int run = 0; run < runs; run++) {
        struct rusage usage;
        int status;
        double start = wall_s();
        pid_t pid = spawn(command, run);
        wait4(pid, &status, 0, &usage);
        ms[run] = (wall_s() - start) * 1000;
        if (status != 0) {
            fprintf(stderr, "spawn_bench: %s ended with status %d\n", command[0], status);
            return 1;
        }
        if (usage.ru_maxrss > kib_max)
            kib_max = usage.ru_maxrss;
    }
    qsort(ms, (size_t)runs, sizeof *ms, by_value);
    printf("{\"workload\":\"%s\",\"runs\":%d,\"medianMs\":%.1f,\"minMs\":%.1f,\"peakRssMiB\":%.1f}\n", name, runs,
           ms[runs / 2], ms[0], (double)kib_max / 1024);
    free(ms);
    return 0;
}

static int measure_idle(const char *name, int seconds, char **command)
{
    pid_t pid = spawn(command, 0);
    sleep((unsigned)seconds);
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtod(line + 6, NULL);
    if (file)
        fclose(file);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    printf("{\"workload\":\"%s\",\"rssMiB\":%.1f}\n", name, kib / 1024);
    return kib > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    int number = atoi(argv[3]);
    return strcmp(argv[2], "ends") == 0 ? measure_end(argv[1], number, argv + 4)
                                        : measure_idle(argv[1], number, argv + 4);
}
