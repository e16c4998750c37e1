/*
 * One HTTP request for credentials. It runs on a multi handle, which can also wait for the
 * descriptor that cancels it; libcurl's progress callback is only called once a second.
 */
#include "aws/cred.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static size_t cred_http_take(char *data, size_t size, size_t count, void *user)
{
	return cred_text_add(user, data, size * count) ? count : 0;
}

static struct curl_slist *cred_http_headers(const struct cred_http *http)
{
	/* Sends the body at once, without waiting for "100 Continue". */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; list != NULL && http->headers != NULL && http->headers[i] != NULL; i++) {
		struct curl_slist *longer = curl_slist_append(list, http->headers[i]);

		if (longer == NULL)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

/* A header may contain a token. */
static void cred_http_wipe_headers(struct curl_slist *list)
{
	for (struct curl_slist *at = list; at != NULL; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(list);
}

static bool cred_http_set_limits(CURL *easy, const struct cred_http *http)
{
	return curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       /* The thread can end while a name is being resolved. */
	       curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)http->connect_ms) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)http->total_ms) == CURLE_OK &&
	       (http->proxied || curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK) &&
	       (http->ca == NULL || curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca) == CURLE_OK) &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
}

static bool cred_http_set_request(CURL *easy, struct cred_http *http, struct curl_slist *headers)
{
	return curl_easy_setopt(easy, CURLOPT_URL, http->url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
		       CURLE_OK &&
	       (http->body == NULL ||
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, http->body) == CURLE_OK) &&
	       curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http->method) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "cart") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, cred_http_take) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, &http->answer) == CURLE_OK;
}

static CURLcode cred_http_drive(CURLM *multi, int cancel_fd)
{
	struct curl_waitfd cancel = {.fd = cancel_fd, .events = CURL_WAIT_POLLIN};
	const CURLMsg *message;
	int running = 1, left;

	for (;;) {
		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running == 0)
			break;
		cancel.revents = 0;
		if (curl_multi_poll(multi, &cancel, cancel_fd >= 0, 1000, NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (cancel.revents != 0)
			return CURLE_ABORTED_BY_CALLBACK;
	}
	message = curl_multi_info_read(multi, &left);
	return message != NULL ? message->data.result : CURLE_FAILED_INIT;
}

static int cred_http_transfer(const struct cred_context *context, CURL *easy,
			      struct cred_http *http, struct cart_error *error)
{
	char why[CURL_ERROR_SIZE] = "";
	CURLM *multi = curl_multi_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;

	if (multi != NULL && curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why) == CURLE_OK &&
	    curl_multi_add_handle(multi, easy) == CURLM_OK) {
		code = cred_http_drive(multi, context->cancel_fd);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http->status);
		curl_multi_remove_handle(multi, easy);
	}
	curl_multi_cleanup(multi);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	http->timed_out = code == CURLE_OPERATION_TIMEDOUT;
	if (code == CURLE_OK)
		return 0;
	if (code == CURLE_WRITE_ERROR)
		return cart_error_set(error, "the answer is longer than %zu bytes",
				      http->answer.room);
	return cart_error_set(error, "%s", *why != '\0' ? why : curl_easy_strerror(code));
}

int cred_http_run(const struct cred_context *context, struct cred_http *http,
		  struct cart_error *error)
{
	struct curl_slist *headers = cred_http_headers(http);
	CURL *easy = curl_easy_init();
	int result = -1;

	cred_text_free(&http->answer);
	http->status = 0;
	http->timed_out = false;
	if (headers == NULL || easy == NULL || !cred_http_set_limits(easy, http) ||
	    !cred_http_set_request(easy, http, headers))
		cart_error_set(error, "libcurl does not take the request");
	else if (cred_text_new(&http->answer, CRED_ANSWER_MAX, error) == 0)
		result = cred_http_transfer(context, easy, http, error);
	curl_easy_cleanup(easy);
	cred_http_wipe_headers(headers);
	return result;
}
