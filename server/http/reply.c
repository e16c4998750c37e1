#include "server/http/reply.h"

#include "server/http/tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

const char *http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{200, "OK"},
		{201, "Created"},
		{204, "No Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{417, "Expectation Failed"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Unknown";
}

void reply_date(struct http_server *server)
{
	time_t now = (time_t)(clock_wall_ms(server->config.clock) / 1000);
	struct tm utc;

	gmtime_r(&now, &utc);
	/* The process never calls setlocale(), so the names are the English ones of RFC 9110. */
	strftime(server->date, sizeof(server->date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

bool reply_is_bodiless(int status)
{
	return status == 204 || status == 304;
}

#define REPLY_ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

bool reply_compose(struct http_server *server, const struct http_request *request, int status,
		   size_t body_len, bool close)
{
	struct buf *out = &server->out;

	buf_reset(out);
	REPLY_ADD(out, "HTTP/1.1 ");
	buf_add_integer(out, status);
	buf_add_char(out, ' ');
	buf_add_string(out, http_status_text(status));
	REPLY_ADD(out, "\r\nDate: ");
	buf_add_string(out, server->date);
	if (!reply_is_bodiless(status)) {
		REPLY_ADD(out, "\r\nContent-Length: ");
		buf_add_integer(out, (int64_t)body_len);
	}
	REPLY_ADD(out, "\r\n");
	buf_add(out, request->headers.data, request->headers.len);
	if (close)
		REPLY_ADD(out, "Connection: close\r\n");
	else if (request->keep_alive_1_0)
		REPLY_ADD(out, "Connection: keep-alive\r\n");
	REPLY_ADD(out, "\r\n");
	return !out->failed && !request->headers.failed;
}

/* As long as a TLS record. */
#define REPLY_RECORD_MAX 16384

static ssize_t reply_send_plain(int fd, struct iovec *pieces, size_t count)
{
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
	ssize_t sent;

	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent < 0 && (errno == EAGAIN || errno == ENOBUFS) ? 0 : sent;
}

/* Head and body make one record where they fit. */
static ssize_t reply_send_tls(struct ssl_st *session, const struct iovec pieces[2], size_t count)
{
	char record[REPLY_RECORD_MAX];
	struct iovec joined = {.iov_base = record};

	if (count < 2 || pieces[0].iov_len + pieces[1].iov_len > sizeof(record))
		return tls_send(session, pieces, count);
	memcpy(record, pieces[0].iov_base, pieces[0].iov_len);
	memcpy(record + pieces[0].iov_len, pieces[1].iov_base, pieces[1].iov_len);
	joined.iov_len = pieces[0].iov_len + pieces[1].iov_len;
	return tls_send(session, &joined, 1);
}

ssize_t reply_send(const struct connection *connection, const void *body, size_t body_len)
{
	const struct buf *head = &connection->server->out;
	/* Nobody writes through iov_base. */
	struct iovec pieces[2] = {
		{.iov_base = head->data, .iov_len = head->len},
		{.iov_base = (void *)(uintptr_t)body, .iov_len = body_len},
	};
	size_t count = body_len > 0 ? 2 : 1;

	if (connection->session != NULL)
		return reply_send_tls(connection->session, pieces, count);
	return reply_send_plain(connection->fd, pieces, count);
}
