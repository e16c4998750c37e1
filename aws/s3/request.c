#include "aws/s3/request.h"

#include "aws/s3/location.h"
#include "core/base/hex.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_HEADERS 10

void s3_target_set(struct s3_target *target, const char *bucket,
		   const struct aws_endpoint *endpoint)
{
	const char *host = strstr(endpoint->url, "://") + 3;
	int scheme = (int)(host - endpoint->url);
	/* The certificate of AWS is for one word before its own. */
	bool by_path = endpoint->named || strchr(bucket, '.') != NULL;

	snprintf(target->host, sizeof(target->host), "%s%s%s", by_path ? "" : bucket,
		 by_path ? "" : ".", host);
	snprintf(target->base, sizeof(target->base), "%.*s%s", scheme, endpoint->url, target->host);
	snprintf(target->bucket, sizeof(target->bucket), "%s%s", by_path ? "/" : "",
		 by_path ? bucket : "");
}

static bool link_set_reset(curl_socket_t fd, bool reset)
{
	const struct linger linger = {.l_onoff = reset, .l_linger = 0};

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0;
}

/* Once its owner is gone, the kernel sends nothing more of what was written to it. */
static int link_set_socket(void *user, curl_socket_t fd, curlsocktype purpose)
{
	(void)user;
	(void)purpose;
	return link_set_reset(fd, true) ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

static size_t link_take(char *data, size_t size, size_t count, void *user)
{
	struct s3_request *request = user;
	size_t len = size * count, max = S3_ANSWER_MAX;

	if (request->key != NULL && request->body == NULL)
		max = (size_t)S3_OBJECT_MAX;
	request->too_long = request->data->len - request->data_from + len > max;
	if (request->too_long)
		return 0;
	buf_add(request->data, data, len);
	return request->data->failed ? 0 : len;
}

static size_t link_read(char *to, size_t size, size_t count, void *user)
{
	struct s3_request *request = user;
	size_t left = request->body->len - request->read;
	size_t len = left < size * count ? left : size * count;

	if (len > 0)
		memcpy(to, request->body->data + request->read, len);
	request->read += len;
	return len;
}

/* libcurl goes back to the start of the body when it sends a request again by itself, which it does
 * where a kept connection breaks. Once bytes of it were sent only the caller may do that, who notes
 * that the first one is in doubt. */
static int link_seek(void *user, curl_off_t offset, int origin)
{
	const struct s3_request *request = user;

	return request->read == 0 && offset == 0 && origin == SEEK_SET ? CURL_SEEKFUNC_OK
								       : CURL_SEEKFUNC_FAIL;
}

/* What is the same for all requests. */
static void link_set_options(CURL *easy, const struct s3_config *config)
{
	bool tls = strncmp(config->endpoint->url, "https:", 6) == 0;
	long timeout_s = (long)((config->timeout_ms + 999) / 1000);

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, link_set_socket);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, link_take);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, link_read);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, link_seek);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 5L); /* S3 closes idle ones soon */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, timeout_s);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "cart");
	if (config->endpoint->ca[0] != '\0')
		curl_easy_setopt(easy, CURLOPT_CAINFO, config->endpoint->ca);
}

struct s3_link *s3_link_new(const struct s3_config *config)
{
	struct s3_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->signer = (struct sigv4_signer){.region = config->endpoint->region, .service = "s3"};
	link->easy = curl_easy_init();
	if (link->easy == NULL) {
		free(link);
		return NULL;
	}
	link_set_options(link->easy, config);
	return link;
}

void s3_link_free(struct s3_link *link)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	/* Nothing is under way: it is closed as others are. */
	if (curl_easy_getinfo(link->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
	    fd != CURL_SOCKET_BAD)
		(void)link_set_reset(fd, false);
	curl_easy_cleanup(link->easy);
	sigv4_signer_clear(&link->signer);
	free(link);
}

bool s3_request_hash(struct s3_request *request)
{
	const struct buf *body = request->body;
	uint8_t hash[EVP_MAX_MD_SIZE];

	if (EVP_Digest(body != NULL && body->len > 0 ? body->data : "",
		       body != NULL ? body->len : 0, hash, NULL, EVP_sha256(), NULL) != 1)
		return false;
	*hex_write(request->hash_hex, hash, S3_HASH_TEXT / 2) = '\0';
	EVP_EncodeBlock((unsigned char *)request->hash_base64, hash, S3_HASH_TEXT / 2);
	return true;
}

/* What is sent beside what signing adds. */
static size_t request_headers(const struct s3_request *request, const struct s3_target *target,
			      struct sigv4_header headers[REQUEST_HEADERS])
{
	const struct s3_condition *condition = request->condition;
	size_t count = 0;

	headers[count++] = (struct sigv4_header){"Host", target->host};
	headers[count++] = (struct sigv4_header){"X-Amz-Content-Sha256", request->hash_hex};
	if (request->body != NULL) {
		headers[count++] =
			(struct sigv4_header){"Content-Type", "application/octet-stream"};
		headers[count++] =
			(struct sigv4_header){"X-Amz-Checksum-Sha256", request->hash_base64};
	} else if (request->key != NULL && strcmp(request->method, "GET") == 0) {
		headers[count++] = (struct sigv4_header){"X-Amz-Checksum-Mode", "ENABLED"};
	}
	if (condition != NULL && condition->if_match != NULL)
		headers[count++] = (struct sigv4_header){"If-Match", condition->if_match};
	if (condition != NULL && condition->if_absent != NULL)
		headers[count++] = (struct sigv4_header){"If-None-Match", condition->if_absent};
	return count;
}

/* Adds "NAME: VALUE" and wipes its copy. */
static bool request_add_line(struct curl_slist **lines, const char *name, const char *value)
{
	struct curl_slist *longer;
	struct buf line = {0};

	buf_printf(&line, "%s: %s", name, value);
	longer = line.failed ? NULL : curl_slist_append(*lines, buf_string(&line));
	if (line.data != NULL)
		explicit_bzero(line.data, line.room);
	buf_free(&line);
	if (longer != NULL)
		*lines = longer;
	return longer != NULL;
}

static void request_free_lines(struct curl_slist *lines)
{
	for (struct curl_slist *at = lines; at != NULL; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(lines);
}

/* Signs it and makes the lines of its headers. NULL: it cannot be signed, or no memory. */
static struct curl_slist *request_sign(struct s3_link *link, const struct s3_target *target,
				       const struct s3_request *request, const char *path,
				       const struct aws_credentials *from, int64_t now_s)
{
	struct sigv4_header headers[REQUEST_HEADERS];
	size_t count = request_headers(request, target, headers);
	const struct sigv4_credentials credentials = {
		.access_key_id = from->access_key_id,
		.secret_access_key = from->secret_access_key,
		.session_token = from->session_token,
	};
	const struct sigv4_request to_sign = {
		.method = request->method,
		.headers = headers,
		.header_count = count,
		.path = path,
		.query = request->query,
		.payload_hash = request->hash_hex,
	};
	struct curl_slist *lines = NULL;
	struct sigv4_signed made;
	/* Sends the body at once, without waiting for "100 Continue". */
	bool good = sigv4_sign(&link->signer, &credentials, &to_sign, now_s, &made) &&
		    request_add_line(&lines, "Authorization", made.authorization) &&
		    request_add_line(&lines, "X-Amz-Date", made.amz_date) &&
		    request_add_line(&lines, "Accept-Encoding", "identity") &&
		    request_add_line(&lines, "Expect", "");

	for (size_t i = 0; i < count && good; i++)
		good = request_add_line(&lines, headers[i].name, headers[i].value);
	if (good && from->session_token[0] != '\0')
		good = request_add_line(&lines, "X-Amz-Security-Token", from->session_token);
	if (good)
		return lines;
	request_free_lines(lines);
	return NULL;
}

/* A header of the answer. NULL: it has none. */
static const char *request_header(CURL *easy, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
		       ? header->value
		       : NULL;
}

static void request_copy_header(CURL *easy, const char *name, char *to, size_t room)
{
	const char *value = request_header(easy, name);

	snprintf(to, room, "%s", value != NULL ? value : "");
}

/* The checksum that the server has of an object that it sends. One of several parts is none of
 * the whole. */
static bool request_checksum_is_right(CURL *easy, const struct s3_request *request)
{
	const char *told = request_header(easy, "x-amz-checksum-sha256");
	const struct buf body = {.data = request->data->data + request->data_from,
				 .len = request->data->len - request->data_from};
	struct s3_request got = {.body = &body};

	if (request->body != NULL)
		return told == NULL || strcmp(told, request->hash_base64) == 0;
	if (told == NULL || strchr(told, '-') != NULL)
		return true;
	return s3_request_hash(&got) && strcmp(told, got.hash_base64) == 0;
}

static void request_read_answer(CURL *easy, struct s3_request *request)
{
	const char *date = request_header(easy, "date");

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &request->status);
	request->server_s = date != NULL ? curl_getdate(date, NULL) : 0;
	request_copy_header(easy, "etag", request->etag, sizeof(request->etag));
	request_copy_header(easy, "x-amz-bucket-region", request->region, sizeof(request->region));
	if (request->status / 100 == 2 && !request_checksum_is_right(easy, request)) {
		request->status = 0;
		snprintf(request->why, sizeof(request->why), "the checksum is wrong");
	}
}

static void request_set_body(CURL *easy, const struct s3_request *request)
{
	if (request->body != NULL) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body->len);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void request_run(CURL *easy, struct s3_request *request)
{
	curl_off_t connected_us = 0;

	request->status = 0;
	request->too_long = false;
	request->why[0] = '\0';
	request->data->len = request->data_from;
	request->read = 0;
	curl_easy_setopt(easy, CURLOPT_READDATA, request);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, request);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->why);
	request->code = curl_easy_perform(easy);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
	request->sent = connected_us > 0;
	if (request->code == CURLE_OK)
		request_read_answer(easy, request);
	else if (request->too_long)
		snprintf(request->why, sizeof(request->why), "the answer is too long");
	else if (request->why[0] == '\0')
		snprintf(request->why, sizeof(request->why), "%s",
			 curl_easy_strerror(request->code));
}

bool s3_request_try(struct s3_link *link, const struct s3_target *target,
		    struct s3_request *request, const struct aws_credentials *credentials,
		    int64_t now_s)
{
	struct buf path = {0}, url = {0};
	struct curl_slist *lines = NULL;

	buf_add_string(&path, target->bucket);
	if (request->key != NULL || path.len == 0)
		buf_add_char(&path, '/');
	if (request->key != NULL)
		s3_encode(&path, request->key, true);
	buf_printf(&url, "%s%s%s%s", target->base, buf_string(&path),
		   request->query != NULL ? "?" : "", request->query != NULL ? request->query : "");
	if (!path.failed && !url.failed)
		lines = request_sign(link, target, request, buf_string(&path), credentials, now_s);
	if (lines != NULL) {
		curl_easy_setopt(link->easy, CURLOPT_URL, buf_string(&url));
		curl_easy_setopt(link->easy, CURLOPT_HTTPHEADER, lines);
		request_set_body(link->easy, request);
		request_run(link->easy, request);
		curl_easy_setopt(link->easy, CURLOPT_HTTPHEADER, NULL);
		request_free_lines(lines);
	}
	buf_free(&path);
	buf_free(&url);
	return lines != NULL;
}
