#include "tests/lib/tls_fixture.h"

#include "tests/lib/cmocka.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

struct tls_identity {
	EVP_PKEY *key;
	X509 *certificate;
};

static void tls_extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* names: a subjectAltName, or NULL for an authority, which signs itself (issuer NULL). */
static struct tls_identity tls_issue(const char *subject, const char *names,
				     const struct tls_identity *issuer)
{
	struct tls_identity made = {EVP_EC_gen("P-256"), X509_new()};
	X509_NAME *name = X509_get_subject_name(made.certificate);
	static long serial;

	assert_non_null(made.key);
	X509_set_version(made.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(made.certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(made.certificate), 24L * 3600);
	X509_set_pubkey(made.certificate, made.key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1,
				   0);
	X509_set_issuer_name(made.certificate,
			     issuer != NULL ? X509_get_subject_name(issuer->certificate) : name);
	tls_extend(made.certificate, NID_basic_constraints,
		   issuer != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names != NULL)
		tls_extend(made.certificate, NID_subject_alt_name, names);
	assert_true(X509_sign(made.certificate, issuer != NULL ? issuer->key : made.key,
			      EVP_sha256()) > 0);
	return made;
}

static FILE *tls_open(const char *folder, const char *name, const char *suffix)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
	file = fopen(path, "w");
	assert_non_null(file);
	return file;
}

static void tls_write(const struct tls_identity *identity, const char *folder, const char *name)
{
	FILE *file = tls_open(folder, name, ".pem");

	assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
	fclose(file);
	file = tls_open(folder, name, "-key.pem");
	assert_int_equal(PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
}

static void tls_free(const struct tls_identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
}

void tls_fixture_make(const char *folder)
{
	static const struct {
		const char *file, *subject, *names;
	} signed_ones[] = {
		{"server", "server", "DNS:localhost,IP:127.0.0.1"},
		{"elsewhere", "elsewhere", "DNS:elsewhere.test"},
		{"client", "client", "DNS:client.test"},
	};
	struct tls_identity ca = tls_issue("Authority of a test", NULL, NULL);
	struct tls_identity other = tls_issue("Another authority", NULL, NULL);

	tls_write(&ca, folder, "ca");
	tls_write(&other, folder, "other-ca");
	for (size_t i = 0; i < sizeof(signed_ones) / sizeof(signed_ones[0]); i++) {
		struct tls_identity made =
			tls_issue(signed_ones[i].subject, signed_ones[i].names, &ca);

		tls_write(&made, folder, signed_ones[i].file);
		tls_free(&made);
	}
	tls_free(&ca);
	tls_free(&other);
}
