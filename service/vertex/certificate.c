#include "service/vertex/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stddef.h>

/* OpenSSL would ask at the terminal otherwise. */
static int no_password(char *out, int size, int writing, void *ctx) {
  (void)out;
  (void)size;
  (void)writing;
  (void)ctx;
  return -1;
}

static X509 *read_certificate(const char *path) {
  BIO *file = BIO_new_file(path, "r");
  X509 *certificate =
      file ? PEM_read_bio_X509(file, NULL, no_password, NULL) : NULL;

  BIO_free(file);
  return certificate;
}

static EVP_PKEY *read_key(const char *path) {
  BIO *file = BIO_new_file(path, "r");
  EVP_PKEY *key =
      file ? PEM_read_bio_PrivateKey(file, NULL, no_password, NULL) : NULL;

  BIO_free(file);
  return key;
}

enum vtx_certificate_part vtx_certificate_check(const char *certificate,
                                                const char *key,
                                                const char **ret_why) {
  X509 *read = read_certificate(certificate);
  EVP_PKEY *private_key = read ? read_key(key) : NULL;
  enum vtx_certificate_part wrong = VTX_CERTIFICATE_FINE;

  if (!read) {
    wrong = VTX_CERTIFICATE_FILE;
    *ret_why = "is not a readable PEM file with a certificate";
  } else if (!private_key) {
    wrong = VTX_CERTIFICATE_KEY;
    *ret_why = "is not a readable PEM file with a private key in clear";
  } else if (X509_check_private_key(read, private_key) != 1) {
    wrong = VTX_CERTIFICATE_KEY;
    *ret_why = "is not the key of the certificate";
  }
  ERR_clear_error();
  EVP_PKEY_free(private_key);
  X509_free(read);
  return wrong;
}
