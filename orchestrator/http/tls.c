/* tls.c - TLS on a non-blocking socket: a certificate and its key from PEM files, TLS 1.2 and newer. */
#include "asl/base/err.h"
#include "orchestrator/http/server_priv.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static int fail(struct err *err, const char *what, const char *file)
{
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    err_set(err, ERR_INVALID, "could not use the %s: %s", what, reason);
    err_at(err, "%s", file);
    return ERR_INVALID;
}

struct ssl_ctx_st *tls_open(const char *certificate, const char *key, struct err *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    int code = tls ? 0 : fail(err, "TLS library", "openssl");
    if (code == 0)
        SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    if (code == 0 && SSL_CTX_use_certificate_chain_file(tls, certificate) != 1)
        code = fail(err, "certificate", certificate);
    if (code == 0 &&
        (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(tls) != 1))
        code = fail(err, "private key", key);
    if (code == 0) {
        /* idle connections keep no buffers; what was not sent may lie elsewhere when it is tried again */
        SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION);
        return tls;
    }
    SSL_CTX_free(tls);
    return NULL;
}

void tls_close(struct ssl_ctx_st *tls)
{
    SSL_CTX_free(tls);
}

struct ssl_st *tls_new(struct ssl_ctx_st *tls, int fd)
{
    SSL *ssl = SSL_new(tls);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

ssize_t tls_read(struct ssl_st *ssl, void *out, size_t bytes)
{
    ERR_clear_error();
    int got = SSL_read(ssl, out, (int)bytes);
    if (got > 0)
        return got;
    int why = SSL_get_error(ssl, got);
    if (why == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

ssize_t tls_write(struct ssl_st *ssl, const void *data, size_t bytes)
{
    ERR_clear_error();
    int sent = SSL_write(ssl, data, (int)bytes);
    if (sent > 0)
        return sent;
    int why = SSL_get_error(ssl, sent);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

bool tls_wants_write(struct ssl_st *ssl)
{
    return SSL_want(ssl) == SSL_WRITING;
}

bool tls_ready(struct ssl_st *ssl)
{
    return SSL_is_init_finished(ssl);
}

void tls_end(struct ssl_st *ssl)
{
    ERR_clear_error();
    SSL_shutdown(ssl);
}

void tls_free(struct ssl_st *ssl)
{
    SSL_free(ssl);
}
