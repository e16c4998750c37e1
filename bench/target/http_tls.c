#include "bench/target/http_tls.h"

#include "bench/stats/alloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct http_tls {
	SSL_CTX *ctx;
	char *host;
	bool is_address;
};

static bool tls_is_address(const char *host)
{
	unsigned char unused[16];

	return inet_pton(AF_INET, host, unused) == 1 || inet_pton(AF_INET6, host, unused) == 1;
}

int http_tls_new(struct http_tls **out, const char *host, const char *ca, struct cart_error *error)
{
	struct http_tls *tls = bench_alloc(1, sizeof(*tls));

	*out = tls;
	tls->host = bench_copy(host);
	tls->is_address = tls_is_address(host);
	tls->ctx = SSL_CTX_new(TLS_client_method());
	if (tls->ctx == NULL)
		abort();
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(tls->ctx,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* An answer says itself where it ends. */
	SSL_CTX_set_options(tls->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (ca == NULL ? SSL_CTX_set_default_verify_paths(tls->ctx) == 1
		       : SSL_CTX_load_verify_file(tls->ctx, ca) == 1)
		return 0;
	ERR_clear_error();
	http_tls_free(out);
	return cart_error_set(error, "cannot read certificates of authorities from %s",
			      ca != NULL ? ca : "the system's folder");
}

void http_tls_free(struct http_tls **pointer)
{
	struct http_tls *tls = *pointer;

	*pointer = NULL;
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls->host);
	free(tls);
}

/* The certificate must hold the host, and the server learns by which name it is asked for. */
static bool tls_expect_host(SSL *session, const struct http_tls *tls)
{
	if (tls->is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), tls->host) == 1;
	return SSL_set1_host(session, tls->host) == 1 &&
	       SSL_set_tlsext_host_name(session, tls->host) == 1;
}

struct ssl_st *http_tls_open(struct http_tls *tls, int fd)
{
	SSL *session = SSL_new(tls->ctx);

	if (session == NULL || !tls_expect_host(session, tls) || SSL_set_fd(session, fd) != 1) {
		SSL_free(session);
		return NULL;
	}
	SSL_set_connect_state(session);
	return session;
}

void http_tls_close(struct ssl_st *session)
{
	SSL_free(session);
}

/* What a call that returned result means: 0 at the end, else -1 and errno. */
static ssize_t tls_failed(SSL *session, int result, bool *wants_room, const char **why)
{
	int error = SSL_get_error(session, result), failure = errno;
	long verified = SSL_get_verify_result(session);
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	if (wants_room != NULL)
		*wants_room = error == SSL_ERROR_WANT_WRITE;
	errno = EAGAIN;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return -1;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (error == SSL_ERROR_SSL)
		*why = verified != X509_V_OK ? X509_verify_cert_error_string(verified) : reason;
	errno = error == SSL_ERROR_SYSCALL && failure != 0 ? failure : ECONNRESET;
	return -1;
}

ssize_t http_tls_send(struct ssl_st *session, const char *bytes, size_t len, bool *wants_room,
		      const char **why)
{
	ssize_t sent;

	ERR_clear_error();
	errno = 0;
	sent = SSL_write(session, bytes, len < INT_MAX ? (int)len : INT_MAX);
	if (sent > 0)
		return sent;
	sent = tls_failed(session, (int)sent, wants_room, why);
	if (sent == 0) /* the server has ended it */
		errno = ECONNRESET;
	return -1;
}

ssize_t http_tls_receive(struct ssl_st *session, char *bytes, size_t room, const char **why)
{
	int got;

	ERR_clear_error();
	errno = 0;
	got = SSL_read(session, bytes, room < INT_MAX ? (int)room : INT_MAX);
	return got > 0 ? got : tls_failed(session, got, NULL, why);
}

bool http_tls_has(const struct ssl_st *session)
{
	return SSL_pending(session) > 0;
}
