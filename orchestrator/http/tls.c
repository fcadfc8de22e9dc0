/* tls.c - TLS under evhttp: a certificate and its key from PEM files, TLS 1.2 and newer. */
#include "asl/base/err.h"
#include "orchestrator/http/server_priv.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
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
    if (code == 0)
        return tls;
    SSL_CTX_free(tls);
    return NULL;
}

void tls_close(struct ssl_ctx_st *tls)
{
    SSL_CTX_free(tls);
}

struct bufferevent *tls_bufferevent(struct event_base *base, struct ssl_ctx_st *tls)
{
    SSL *ssl = SSL_new(tls);
    if (ssl == NULL)
        return NULL;
    struct bufferevent *bev =
        bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    /* clients that close without a goodbye are no fault worth a message */
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}
