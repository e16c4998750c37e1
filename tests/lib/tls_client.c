#include "tests/lib/tls_client.h"

#include "tests/lib/cmocka.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>

static SSL_CTX *tls_client_context;

void tls_client_use(const char *ca, const char *cert, const char *key)
{
	SSL_CTX *context = NULL;

	if (ca != NULL) {
		context = SSL_CTX_new(TLS_client_method());
		assert_non_null(context);
		assert_int_equal(SSL_CTX_load_verify_file(context, ca), 1);
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		/* A session ticket must not make a read wait for what follows it. */
		SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
		signal(SIGPIPE, SIG_IGN);
	}
	if (cert != NULL) {
		assert_int_equal(SSL_CTX_use_certificate_chain_file(context, cert), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM), 1);
	}
	SSL_CTX_free(tls_client_context);
	tls_client_context = context;
}

void tls_client_use_1_2(void)
{
	SSL_CTX_set_max_proto_version(tls_client_context, TLS1_2_VERSION);
}

bool tls_client_is_used(void)
{
	return tls_client_context != NULL;
}

struct ssl_st *tls_client_open(int fd)
{
	SSL *session = SSL_new(tls_client_context);

	assert_non_null(session);
	ERR_clear_error();
	if (SSL_set_fd(session, fd) == 1 && SSL_connect(session) == 1)
		return session;
	SSL_free(session);
	return NULL;
}

void tls_client_close(struct ssl_st *session)
{
	struct pollfd room = {.fd = session != NULL ? SSL_get_fd(session) : -1, .events = POLLOUT};

	if (session == NULL)
		return;
	if (poll(&room, 1, 0) == 1 && room.revents == POLLOUT)
		tls_client_end(session);
	SSL_free(session);
}

bool tls_client_send(struct ssl_st *session, const void *bytes, size_t len)
{
	ERR_clear_error();
	return len == 0 || SSL_write(session, bytes, (int)len) == (int)len;
}

void tls_client_end(struct ssl_st *session)
{
	ERR_clear_error();
	(void)SSL_shutdown(session);
}

bool tls_client_has(const struct ssl_st *session)
{
	return SSL_pending(session) > 0;
}

ssize_t tls_client_read(struct ssl_st *session, void *bytes, size_t room)
{
	int n;

	ERR_clear_error();
	n = SSL_read(session, bytes, (int)room);
	if (n > 0)
		return n;
	switch (SSL_get_error(session, n)) {
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLIENT_END;
	case SSL_ERROR_WANT_READ:
		return TLS_CLIENT_LATER;
	default:
		return TLS_CLIENT_BROKEN;
	}
}
