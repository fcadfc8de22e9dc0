#include "config.h"

#include "runtime/task/text_file.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 65536 };

int text_file_read(const char *path, size_t bytes_max, struct buf *text, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && text->bytes <= bytes_max) {
        got = read(fd, buf_reserve(text, CHUNK_BYTES), CHUNK_BYTES);
        if (got > 0)
            text->bytes += (size_t)got;
    }
    int code = 0, reason = errno;
    if (got < 0)
        code = err_set(err, reason == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read the file: %s", strerror(reason));
    else if (text->bytes > bytes_max)
        code = err_set(err, ERR_LIMIT, "the file has more than %zu bytes", bytes_max);
    if (code != 0)
        err_at(err, "%s", path);
    if (fd >= 0)
        close(fd);
    return code;
}
