/* Certificates for tests: authorities that nobody else trusts, and what they signed. */
#ifndef TESTS_LIB_TLS_FIXTURE_H
#define TESTS_LIB_TLS_FIXTURE_H

/*
 * Writes into a folder, in PEM, for a day: ca.pem; other-ca.pem, which signed nothing;
 * server.pem and server-key.pem for localhost and 127.0.0.1; elsewhere.pem and elsewhere-key.pem
 * for elsewhere.test; client.pem and client-key.pem. Fails the test if it cannot.
 */
void tls_fixture_make(const char *folder);

#endif
