#include "server/http/tls.h"

#include "core/base/log.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Of TLS 1.2: those with forward secrecy and authenticated encryption. TLS 1.3 has no others. */
#define TLS_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
/* Of a record, the bytes that libevent reads first; it asks for room for the rest once the record
 * is decrypted. With its own header libevent allocates 1 KiB for them, the most that malloc() keeps
 * at hand for each thread; otherwise it would allocate 32 KiB for each request, and freeing those
 * has malloc() give pages back to the kernel again and again. */
#define TLS_READ_FIRST 960

struct tls {
	struct tls_config config;
	pthread_mutex_t lock; /* over ctx */
	SSL_CTX *ctx;
	atomic_int_fast64_t expires_s;
};

/* Reading the files. */

/* Says why OpenSSL failed, and empties its queue of errors. */
static int tls_fail(struct cart_error *error, const char *what, const char *path)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	cart_error_set(error, "%s %s: %s", what, path, reason != NULL ? reason : "cannot be used");
	ERR_clear_error();
	return -1;
}

static int tls_check_file(const char *setting, const char *path, struct cart_error *error)
{
	if (access(path, R_OK) != 0)
		return cart_error_set(error, "cannot read %s %s: %s", setting, path,
				      strerror(errno));
	return 0;
}

static void tls_warn_of_readers(const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && (status.st_mode & S_IRWXO) != 0)
		log_event(
			LOG_WARN,
			"every user of this machine may read the key of http.tls_key; restrict the "
			"file (chmod o= FILE), and replace the key if it was exposed",
			LOG_STR("path", path));
}

/* Without this OpenSSL would ask for a passphrase on the terminal. */
static int tls_no_passphrase(char *text, int room, int writing, void *user)
{
	(void)text;
	(void)room;
	(void)writing;
	(void)user;
	return -1;
}

static int tls_read_identity(SSL_CTX *ctx, const struct tls_config *config,
			     struct cart_error *error)
{
	if (tls_check_file("http.tls_cert", config->cert, error) != 0 ||
	    tls_check_file("http.tls_key", config->key, error) != 0)
		return -1;
	tls_warn_of_readers(config->key);
	SSL_CTX_set_default_passwd_cb(ctx, tls_no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, config->cert) != 1)
		return tls_fail(error, "http.tls_cert", config->cert);
	/* It compares the key with the certificate too. */
	if (SSL_CTX_use_PrivateKey_file(ctx, config->key, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1)
		return 0;
	if (ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509 ||
	    ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_NO_CERTIFICATE_ASSIGNED) {
		ERR_clear_error();
		return cart_error_set(
			error,
			"the key in http.tls_key %s does not belong to the certificate "
			"in http.tls_cert %s",
			config->key, config->cert);
	}
	return tls_fail(error, "http.tls_key", config->key);
}

static int tls_read_client_ca(SSL_CTX *ctx, const struct tls_config *config,
			      struct cart_error *error)
{
	int mode = SSL_VERIFY_PEER;

	if (config->client == TLS_CLIENT_OFF)
		return 0;
	if (tls_check_file("http.tls_client_ca", config->client_ca, error) != 0)
		return -1;
	if (SSL_CTX_load_verify_file(ctx, config->client_ca) != 1)
		return tls_fail(error, "http.tls_client_ca", config->client_ca);
	/* The names that clients are told, to choose a certificate by. */
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(config->client_ca));
	if (config->client == TLS_CLIENT_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return 0;
}

/* HTTP/1.1 if the client offers it; a client that offers others only is told that there is none. */
static int tls_choose_protocol(SSL *session, const unsigned char **chosen,
			       unsigned char *chosen_len, const unsigned char *offered,
			       unsigned int offered_len, void *user)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *found;

	(void)session;
	(void)user;
	if (SSL_select_next_proto(&found, chosen_len, ours, sizeof(ours) - 1, offered,
				  offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

static int tls_set_rules(SSL_CTX *ctx)
{
	static const unsigned char name[] = "cartd";

	/* Many clients close without saying so; where a request ends says its frame, not the end of
	 * the connection. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* The rest of an answer moves into the bufferevent. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Sessions are resumed by tickets, whose key lives as long as the SSL_CTX: after a reload
	 * every client is checked anew. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* One call of read() for a record, not one for its header and one for the rest. */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, tls_choose_protocol, NULL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
			       SSL_CTX_set_cipher_list(ctx, TLS_CIPHERS) == 1 &&
			       SSL_CTX_set_session_id_context(ctx, name, sizeof(name) - 1) == 1
		       ? 0
		       : -1;
}

static SSL_CTX *tls_read(const struct tls_config *config, struct cart_error *error)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || tls_set_rules(ctx) != 0) {
		tls_fail(error, "TLS with", config->cert);
	} else if (tls_read_identity(ctx, config, error) == 0 &&
		   tls_read_client_ca(ctx, config, error) == 0) {
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

static int64_t tls_certificate_expires_s(const SSL_CTX *ctx)
{
	const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(ctx));
	struct tm utc = {0};

	return ASN1_TIME_to_tm(end, &utc) == 1 ? (int64_t)timegm(&utc) : 0;
}

int tls_new(struct tls **out, const struct tls_config *config, struct cart_error *error)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	*out = tls;
	if (tls == NULL)
		return cart_error_set(error, "no memory for TLS");
	tls->config = *config;
	pthread_mutex_init(&tls->lock, NULL);
	if (tls_reload(tls, error) == 0)
		return 0;
	tls_free(out);
	return -1;
}

int tls_reload(struct tls *tls, struct cart_error *error)
{
	SSL_CTX *ctx = tls_read(&tls->config, error), *old;

	if (ctx == NULL)
		return -1;
	atomic_store(&tls->expires_s, tls_certificate_expires_s(ctx));
	pthread_mutex_lock(&tls->lock);
	old = tls->ctx;
	tls->ctx = ctx;
	pthread_mutex_unlock(&tls->lock);
	/* Open connections hold it as long as they need it. */
	SSL_CTX_free(old);
	return 0;
}

void tls_free(struct tls **pointer)
{
	struct tls *tls = *pointer;

	*pointer = NULL;
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

int64_t tls_expires_s(const struct tls *tls)
{
	return atomic_load(&tls->expires_s);
}

/* Connections. */

struct bufferevent *tls_bufferevent(struct tls *tls, struct event_base *base)
{
	struct bufferevent *bev;
	SSL *session;

	pthread_mutex_lock(&tls->lock);
	session = SSL_new(tls->ctx);
	pthread_mutex_unlock(&tls->lock);
	if (session == NULL)
		return NULL;
	bev = bufferevent_openssl_socket_new(base, -1, session, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (bev != NULL)
		(void)bufferevent_set_max_single_read(bev, TLS_READ_FIRST);
	return bev;
}

struct ssl_st *tls_session(struct bufferevent *bev)
{
	return bufferevent_openssl_get_ssl(bev);
}

const char *tls_failure(struct bufferevent *bev, bool *plain_http)
{
	unsigned long code = bufferevent_get_openssl_error(bev);

	*plain_http =
		ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
	return code == 0 ? NULL : ERR_reason_error_string(code);
}

ssize_t tls_send(struct ssl_st *session, const struct iovec *pieces, size_t count)
{
	ssize_t sent = 0;

	/* Empty nearly always, and emptying it costs as much as encrypting a short answer. */
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	for (size_t i = 0; i < count; i++) {
		const char *bytes = pieces[i].iov_base;
		size_t left = pieces[i].iov_len;

		while (left > 0) {
			int n = SSL_write(session, bytes, left < INT_MAX ? (int)left : INT_MAX);

			if (n <= 0) {
				bool full = SSL_get_error(session, n) == SSL_ERROR_WANT_WRITE;

				ERR_clear_error();
				return full ? sent : -1;
			}
			bytes += n;
			left -= (size_t)n;
			sent += n;
		}
	}
	return sent;
}

void tls_end(struct ssl_st *session)
{
	if (!SSL_is_init_finished(session) || (SSL_get_shutdown(session) & SSL_SENT_SHUTDOWN) != 0)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(session);
	ERR_clear_error();
}

void tls_read_on(struct bufferevent *bev, struct ssl_st *session)
{
	if (SSL_has_pending(session) == 1)
		event_active(&bev->ev_read, EV_READ, 0);
}

void tls_rest(struct ssl_st *session)
{
	(void)SSL_free_buffers(session);
}

char *tls_subject(const struct ssl_st *session)
{
	X509 *certificate = SSL_get0_peer_certificate(session);
	BIO *text = BIO_new(BIO_s_mem());
	char *subject = NULL, *bytes;
	long len;

	if (certificate != NULL && text != NULL && SSL_get_verify_result(session) == X509_V_OK &&
	    X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(text, &bytes);
		subject = strndup(bytes, (size_t)len);
	}
	BIO_free(text);
	return subject;
}
