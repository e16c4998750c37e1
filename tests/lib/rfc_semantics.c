/* RFC 9110, with 9111 (caches), 6585 (more statuses), 7240 (Prefer): what messages mean. */
#include "tests/lib/rfc_case.h"

#define CART   "/shopping-carts/@ID@ HTTP/1.1\r\n" HOST
#define LINE   "/shopping-carts/@ID@/items/1 HTTP/1.1\r\n" HOST
#define SET    "Content-Length: 14\r\n\r\n{\"quantity\":5}"
#define STARTS "Content-Length: 17\r\n\r\n"

/* clang-format off */
static const struct rfc_case expectations[] = {
	CASE("9110 10.1.1", "the body comes with it", POST "Expect: 100-continue\r\n" STARTS BODY, "maybe:100 201 open carts=1"),
	CASE("9110 10.1.1", "it is announced, and not yet sent", POST "Expect: 100-continue\r\n" STARTS, "100 unfinished"),
	CASE("9110 10.1.1", "upper case", POST "EXPECT: 100-CONTINUE\r\n" STARTS, "100 unfinished"),
	CASE("9110 10.1.1", "chunked", POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", "100 unfinished"),
	CASE("9110 10.1.1", "no body to come", GET "Expect: 100-continue\r\n\r\n", "200 open"),
	CASE("9110 10.1.1", "in HTTP/1.0 it is ignored", "POST /shopping-carts HTTP/1.0\r\n" JSON "Expect: 100-continue\r\n" STARTS, "unfinished"),
	CASE("9110 10.1.1", "a body that is too long is not asked for", POST "Expect: 100-continue\r\nContent-Length: 1025\r\n\r\n", "413 closed"),
	CASE("9110 10.1.1", "another expectation", POST "Expect: something\r\n" STARTS BODY, "417 closed", .why = "ignoring it is allowed"),
	CASE("9110 10.1.1", "another beside it", POST "Expect: 100-continue, something\r\n" STARTS BODY, "417 closed", .why = "ignoring it is allowed"),
	CASE("9110 10.1.1", "twice", POST "Expect: 100-continue\r\nExpect: 100-continue\r\n" STARTS BODY, "417 closed", .why = "nobody sends it"),
	CASE("9110 10.1.1", "an empty one", POST "Expect:\r\n" STARTS BODY, "417 closed", .why = "nobody sends it"),
};

static const struct rfc_case methods[] = {
	CASE("9110 9.3.2", "HEAD of a page", "HEAD /livez HTTP/1.1\r\n" HOST "\r\n", "head:200 open", .wants = "Content-Length: 15\nContent-Type: application/json"),
	CASE("9110 9.3.2", "GET of the same page", GET "\r\n", "200 open", .wants = "Content-Length: 15\nContent-Type: application/json"),
	CASE("9110 9.3.2", "HEAD of a cart", "HEAD " CART "\r\n", "head:200 open", .wants = "ETag: \"1\"\nContent-Length\nContent-Type: application/json"),
	CASE("9110 9.3.2", "HEAD of nothing", "HEAD /nowhere HTTP/1.1\r\n" HOST "\r\n", "head:404 open", .wants = "Content-Type: application/problem+json"),
	CASE("9110 9.3.2", "HEAD where there is no GET", "HEAD /shopping-carts/batch-get HTTP/1.1\r\n" HOST "\r\n", "head:405 open", .wants = "Allow: POST, OPTIONS"),
	CASE("9110 9.3.2", "HEAD that is refused", "HEAD /livez HTTP/1.1\r\n" HOST "X : y\r\n\r\n", "head:400 closed"),
	CASE("9110 9.3.3", "POST makes: Location", POST STARTS BODY, "201 open carts=1", .wants = "Location\nETag: \"1\"\nContent-Type: application/json"),
	CASE("9110 9.3.4", "PUT changes: no body", "PUT " LINE JSON SET, "204 open version=2", .wants = "ETag: \"2\"\n!Content-Length\n!Content-Type"),
	CASE("9110 9.3.4", "PUT of the same again", "PUT " LINE JSON SET "PUT " LINE JSON SET, "204 204 open version=2", .wants = "ETag: \"2\""),
	CASE("7231 4.3.4", "PUT with Content-Range", "PUT " LINE JSON "Content-Range: bytes 0-3/14\r\n" SET, "400 open", .why = "partial PUT"),
	CASE("9110 9.3.5", "DELETE", "DELETE " CART "\r\n", "204 open version=0"),
	CASE("9110 9.3.5", "DELETE twice", "DELETE " CART "\r\nDELETE " CART "\r\n", "204 404 open version=0"),
	CASE("9110 9.3.7", "OPTIONS of a path", "OPTIONS /shopping-carts HTTP/1.1\r\n" HOST "\r\n", "204 open", .wants = "Allow: GET, HEAD, POST, DELETE, OPTIONS"),
	CASE("9110 9.3.7", "OPTIONS of a cart", "OPTIONS " CART "\r\n", "204 open", .wants = "Allow: GET, HEAD, DELETE, OPTIONS"),
	CASE("9110 9.3.7", "OPTIONS of nothing", "OPTIONS /nowhere HTTP/1.1\r\n" HOST "\r\n", "404 open"),
	CASE("9110 9.3.8", "TRACE", "TRACE /livez HTTP/1.1\r\n" HOST "Authorization: Bearer secret\r\n\r\n", "405 open", .wants = "Allow: GET, HEAD, OPTIONS"),
	CASE("5789 2", "PATCH", "PATCH " CART JSON SET, "405 open", .wants = "Allow: GET, HEAD, DELETE, OPTIONS"),
	CASE("9110 15.5.6", "POST where there is none", "POST /livez HTTP/1.1\r\n" HOST "\r\n", "405 open", .wants = "Allow: GET, HEAD, OPTIONS"),
	CASE("9110 15.5.6", "GET where there is none", "GET /shopping-carts/batch-get HTTP/1.1\r\n" HOST "\r\n", "405 open", .wants = "Allow: POST, OPTIONS"),
	CASE("9110 9.2.1", "safe methods change nothing", "GET " CART "\r\nHEAD " CART "\r\nOPTIONS " CART "\r\n", "200 head:200 204 open"),
};

static const struct rfc_case conditions[] = {
	CASE("9110 8.8.3", "a strong tag in quotes", "GET " CART "\r\n", "200 open", .wants = "ETag: \"1\"\nCache-Control: private, no-cache\n!Last-Modified"),
	CASE("9110 13.1.2", "If-None-Match: the same", "GET " CART "If-None-Match: \"1\"\r\n\r\n", "304 open", .wants = "ETag: \"1\"\nCache-Control: private, no-cache\n!Content-Length\n!Content-Type"),
	CASE("9110 13.1.2", "If-None-Match: another", "GET " CART "If-None-Match: \"2\"\r\n\r\n", "200 open"),
	CASE("9110 13.1.2", "If-None-Match: weak, the same", "GET " CART "If-None-Match: W/\"1\"\r\n\r\n", "304 open"),
	CASE("9110 8.8.3", "W in lower case is no tag", "GET " CART "If-None-Match: w/\"1\"\r\n\r\n", "400 open"),
	CASE("9110 13.1.2", "If-None-Match: a list", "GET " CART "If-None-Match: \"7\", \"x\" ,W/\"1\"\r\n\r\n", "304 open"),
	CASE("9110 13.1.2", "If-None-Match: on two lines", "GET " CART "If-None-Match: \"7\"\r\nIf-None-Match: \"1\"\r\n\r\n", "304 open"),
	CASE("9110 13.1.2", "If-None-Match: *", "GET " CART "If-None-Match: *\r\n\r\n", "304 open"),
	CASE("9110 13.1.2", "If-None-Match: * for what is not there", "GET /shopping-carts/550e8400-e29b-41d4-a716-446655440000 HTTP/1.1\r\n" HOST "If-None-Match: *\r\n\r\n", "404 open"),
	CASE("9110 13.1.2", "If-None-Match: * in a list", "GET " CART "If-None-Match: *, \"1\"\r\n\r\n", "400 open", .why = "no field of that grammar"),
	CASE("9110 8.8.3", "If-None-Match: without quotes", "GET " CART "If-None-Match: 1\r\n\r\n", "400 open", .why = "no tag; a client would believe that it has one"),
	CASE("9110 8.8.3", "If-None-Match: a quote that stays open", "GET " CART "If-None-Match: \"1\r\n\r\n", "400 open"),
	CASE("9110 8.8.3", "If-None-Match: a comma within a tag", "GET " CART "If-None-Match: \"x,\\\", \"1\"\r\n\r\n", "304 open", .why = "a backslash quotes nothing in a tag"),
	CASE("9110 5.6.1", "If-None-Match: empty elements", "GET " CART "If-None-Match: ,, \"1\" ,\r\n\r\n", "304 open"),
	CASE("9110 13.1.2", "If-None-Match: leading zeros are another tag", "GET " CART "If-None-Match: \"01\"\r\n\r\n", "200 open"),
	CASE("9110 13.1.2", "HEAD with If-None-Match", "HEAD " CART "If-None-Match: \"1\"\r\n\r\n", "head:304 open"),
	CASE("9110 13.1.2", "PUT with If-None-Match", "PUT " LINE JSON "If-None-Match: *\r\n" SET, "400 open", .why = "a condition that is not kept must not be ignored; 412 would claim that it was checked"),
	CASE("9110 13.1.1", "If-Match: the same", "PUT " LINE JSON "If-Match: \"1\"\r\n" SET, "204 open version=2"),
	CASE("9110 13.1.1", "If-Match: another", "PUT " LINE JSON "If-Match: \"2\"\r\n" SET, "412 open"),
	CASE("9110 13.1.1", "If-Match: *", "PUT " LINE JSON "If-Match: *\r\n" SET, "204 open version=2"),
	CASE("9110 13.1.1", "If-Match: what is no version", "PUT " LINE JSON "If-Match: \"x\"\r\n" SET, "412 open"),
	CASE("9110 13.1.1", "If-Match: weak", "PUT " LINE JSON "If-Match: W/\"1\"\r\n" SET, "204 open version=2", .why = "not the RFC's strong comparison: proxies that compress weaken a tag that names a version, and no bytes"),
	CASE("9110 13.1.1", "If-Match: a list", "PUT " LINE JSON "If-Match: \"1\", \"2\"\r\n" SET, "400 open", .why = "not the RFC's: a list of a version that only grows is refused, nothing is changed"),
	CASE("9110 13.1.1", "If-Match: an empty value", "PUT " LINE JSON "If-Match:\r\n" SET, "400 open"),
	CASE("9110 13.1.1", "If-Match: without quotes", "PUT " LINE JSON "If-Match: 1\r\n" SET, "400 open"),
	CASE("9110 13.1.1", "GET with If-Match, the same", "GET " CART "If-Match: \"1\"\r\n\r\n", "200 open"),
	CASE("9110 13.1.1", "GET with If-Match, another", "GET " CART "If-Match: \"2\"\r\n\r\n", "412 open"),
	CASE("9110 13.2.2", "If-Match comes before If-None-Match", "GET " CART "If-Match: \"2\"\r\nIf-None-Match: \"1\"\r\n\r\n", "412 open"),
	CASE("9110 13.2.2", "both are true", "GET " CART "If-Match: \"1\"\r\nIf-None-Match: \"1\"\r\n\r\n", "304 open"),
	CASE("9110 13.2.1", "404 comes before conditions", "GET /nowhere HTTP/1.1\r\n" HOST "If-Match: \"1\"\r\n\r\n", "404 open"),
	CASE("9110 13.2.1", "400 comes before conditions", "PUT " LINE JSON "If-Match: \"2\"\r\nContent-Length: 14\r\n\r\n{\"quantity\":x}", "400 open"),
	CASE("9110 13.1.3", "If-Modified-Since: there is no such date", "GET " CART "If-Modified-Since: Fri, 31 Dec 2099 23:59:59 GMT\r\n\r\n", "200 open"),
	CASE("9110 13.1.3", "If-Modified-Since that is no date", "GET " CART "If-Modified-Since: yesterday\r\n\r\n", "200 open"),
	CASE("9110 13.1.4", "If-Unmodified-Since: there is no such date", "PUT " LINE JSON "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n" SET, "204 open version=2"),
	CASE("9110 13.2.2", "If-None-Match comes before If-Modified-Since", "GET " CART "If-None-Match: \"1\"\r\nIf-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n\r\n", "304 open"),
	CASE("9110 13.1.5", "If-Range without Range", "GET " CART "If-Range: \"1\"\r\n\r\n", "200 open"),
	CASE("9110 14.2", "Range is ignored", "GET " CART "Range: bytes=0-3\r\n\r\n", "200 open", .wants = "!Content-Range", .why = "a server may ignore it"),
	CASE("9110 14.2", "a Range that is no range", "GET " CART "Range: bytes=9-3,x\r\n\r\n", "200 open"),
	CASE("9110 14.2", "Range and If-Range", "GET " CART "Range: bytes=0-3\r\nIf-Range: \"1\"\r\n\r\n", "200 open", .wants = "!Content-Range"),
};

static const struct rfc_case contents[] = {
	CASE("9110 8.3.1", "application/json", POST STARTS BODY, "201 open carts=1"),
	CASE("9110 8.3.1", "a type in upper case", "POST /shopping-carts HTTP/1.1\r\n" HOST "Content-Type: Application/JSON\r\n" STARTS BODY, "201 open carts=1"),
	CASE("9110 8.3.2", "charset=utf-8", "POST /shopping-carts HTTP/1.1\r\n" HOST "Content-Type: application/json; charset=utf-8\r\n" STARTS BODY, "201 open carts=1"),
	CASE("8259 11", "another charset", "POST /shopping-carts HTTP/1.1\r\n" HOST "Content-Type: application/json;charset=latin1\r\n" STARTS BODY, "201 open carts=1", .why = "JSON has no such parameter: it means nothing"),
	CASE("9110 8.3", "no type", "POST /shopping-carts HTTP/1.1\r\n" HOST STARTS BODY, "201 open carts=1", .why = "a recipient may look for itself"),
	CASE("9110 15.5.16", "text/plain", "POST /shopping-carts HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\n" STARTS BODY, "415 open", .wants = "Accept: application/json"),
	CASE("9110 15.5.16", "a form", "POST /shopping-carts HTTP/1.1\r\n" HOST "Content-Type: application/x-www-form-urlencoded\r\n" STARTS BODY, "415 open", .wants = "Accept: application/json"),
	CASE("9110 15.5.16", "an empty type", "POST /shopping-carts HTTP/1.1\r\n" HOST "Content-Type:\r\n" STARTS BODY, "415 open", .wants = "Accept: application/json"),
	CASE("9110 15.5.16", "JSON of another type", "POST /shopping-carts HTTP/1.1\r\n" HOST "Content-Type: application/problem+json\r\n" STARTS BODY, "415 open", .wants = "Accept: application/json"),
	CASE("9110 15.5.16", "Content-Encoding: br", POST "Content-Encoding: br\r\n" STARTS BODY, "415 open", .wants = "Accept-Encoding: identity\n!Accept"),
	CASE("8259 8.1", "a byte order mark", POST "Content-Length: 20\r\n\r\n\xef\xbb\xbf" BODY, "400 open"),
	CASE("8259 8.1", "no UTF-8", POST "Content-Length: 19\r\n\r\n{\"customer_id\":\"\xff\"}", "400 open", .wants = "~INVALID_JSON"),
	CASE("9110 12.5.1", "Accept: another type", GET "Accept: text/html\r\n\r\n", "200 open", .wants = "Content-Type: application/json", .why = "ignored, as the RFC allows: there is one form"),
	CASE("9110 12.5.1", "Accept: nothing that we have", GET "Accept: application/json;q=0\r\n\r\n", "200 open", .why = "ignored, as the RFC allows: there is one form"),
	CASE("9110 12.5.1", "Accept that is no list of types", GET "Accept: ;;q=x\r\n\r\n", "200 open"),
	CASE("9110 12.5.3", "Accept-Encoding", "GET " CART "Accept-Encoding: gzip, identity;q=0\r\n\r\n", "200 open", .wants = "!Content-Encoding\n!Vary", .why = "415 and 406 help nobody; answers are small"),
	CASE("9110 12.5.2", "Accept-Charset and Accept-Language", GET "Accept-Charset: utf-16\r\nAccept-Language: de\r\n\r\n", "200 open", .wants = "!Content-Language"),
	CASE("7240 2", "Prefer: return=representation", "PUT " LINE JSON "Prefer: return=representation\r\n" SET, "200 open version=2", .wants = "ETag: \"2\"\nPreference-Applied: return=representation"),
	CASE("7240 2", "Prefer: among others", "PUT " LINE JSON "Prefer: wait=5, x; y=\"a, b\" ,RETURN=\"representation\"\r\n" SET, "200 open version=2", .wants = "Preference-Applied: return=representation"),
	CASE("7240 2", "Prefer: on two lines", "PUT " LINE JSON "Prefer: respond-async\r\nPrefer: return=representation\r\n" SET, "200 open version=2"),
	CASE("7240 2", "Prefer: the first counts", "PUT " LINE JSON "Prefer: return=minimal, return=representation\r\n" SET, "204 open version=2", .wants = "!Preference-Applied"),
	CASE("7240 2", "Prefer: unknown", "PUT " LINE JSON "Prefer: colour=blue\r\n" SET, "204 open version=2"),
	CASE("9111 5.2", "answers that must not be kept", GET "\r\n", "200 open", .wants = "Cache-Control: no-store"),
	CASE("9111 5.2.1", "Cache-Control of a request", "GET " CART "Cache-Control: only-if-cached, max-age=0\r\nPragma: no-cache\r\n\r\n", "200 open", .why = "for caches"),
	CASE("9111 3", "errors are not kept", "GET /nowhere HTTP/1.1\r\n" HOST "\r\n", "404 open", .wants = "Cache-Control: no-store\n~NOT_FOUND"),
	CASE("9110 11.6.2", "Authorization where none is needed", GET "Authorization: Basic Zm9vOmJhcg==\r\n\r\n", "200 open"),
	CASE("9110 10.1.2", "From, Referer, User-Agent", GET "From: a@b\r\nReferer: x\r\nUser-Agent: (\r\n\r\n", "200 open"),
};
/* clang-format on */

const struct rfc_group rfc_semantics[] = {
	GROUP("Expect", expectations),
	GROUP("methods", methods),
	GROUP("conditions", conditions),
	GROUP("content", contents),
};
const size_t rfc_semantics_count = sizeof(rfc_semantics) / sizeof(rfc_semantics[0]);
