#include "service/vertex/credentials/jwt.h"

#include <inttypes.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "service/vertex/credentials/encode.h"

#define LEAST_BITS 1024
#define MOST_BITS 16384
#define MOST_JSON 8192
#define MOST_SIGNATURE (MOST_BITS / 8)

struct vtx_jwt_key {
  EVP_PKEY *pkey;
};

/* Never asks at the terminal: an encrypted key is none. */
static int no_password(char *out, int size, int writing, void *arg) {
  (void)out;
  (void)size;
  (void)writing;
  (void)arg;
  return -1;
}

static EVP_PKEY *read_key(const char *pem) {
  BIO *bio = BIO_new_mem_buf(pem, -1);
  EVP_PKEY *pkey =
      bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

  BIO_free(bio);
  ERR_clear_error();
  return pkey;
}

struct vtx_jwt_key *vtx_jwt_key_new(const char *pem) {
  EVP_PKEY *pkey = read_key(pem);
  struct vtx_jwt_key *key = NULL;

  if (pkey && EVP_PKEY_is_a(pkey, "RSA") &&
      EVP_PKEY_get_bits(pkey) >= LEAST_BITS &&
      EVP_PKEY_get_bits(pkey) <= MOST_BITS) {
    key = calloc(1, sizeof *key);
  }
  if (key) {
    key->pkey = pkey;
  } else {
    EVP_PKEY_free(pkey);
  }
  return key;
}

void vtx_jwt_key_free(struct vtx_jwt_key *key) {
  if (!key) return;
  EVP_PKEY_free(key->pkey); /* which wipes the private numbers */
  free(key);
}

static bool sign(const struct vtx_jwt_key *key, const char *text, size_t size,
                 struct cb_buf *buf) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  uint8_t signature[MOST_SIGNATURE];
  size_t len = sizeof signature;
  bool good;

  good =
      context &&
      EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
      EVP_DigestSign(context, signature, &len, (const unsigned char *)text,
                     size) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  if (!good) return false;
  cb_buf_add_char(buf, '.');
  vtx_encode_base64url(buf, signature, len);
  return !buf->failed;
}

bool vtx_jwt_sign(const struct vtx_jwt_key *key, const char *header,
                  const char *payload, struct cb_buf *buf) {
  size_t start = buf->len;

  vtx_encode_base64url(buf, header, strlen(header));
  cb_buf_add_char(buf, '.');
  vtx_encode_base64url(buf, payload, strlen(payload));
  return !buf->failed && sign(key, buf->data + start, buf->len - start, buf);
}

bool vtx_jwt_text_ok(const char *text) {
  for (; *text; text++) {
    if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\') {
      return false;
    }
  }
  return true;
}

static void add_claim(struct cb_buf *buf, const char *name, const char *value) {
  if (!value) return;
  cb_buf_printf(buf, "%s\"%s\": \"%s\"", buf->len > 1 ? ", " : "", name, value);
}

static void add_times(struct cb_buf *buf, const struct vtx_jwt_claims *claims) {
  cb_buf_printf(buf, "%s\"iat\": %" PRId64 ", \"exp\": %" PRId64,
                buf->len > 1 ? ", " : "", claims->issued_at,
                claims->expires_at);
}

static void add_who(struct cb_buf *buf, const struct vtx_jwt_claims *claims) {
  add_claim(buf, "iss", claims->issuer);
  if (claims->subject_first) add_claim(buf, "sub", claims->subject);
}

/* With a blank behind each colon and comma, as Google's own library writes. */
bool vtx_jwt_make(const struct vtx_jwt_key *key,
                  const struct vtx_jwt_claims *claims, struct cb_buf *buf) {
  struct cb_buf header;
  struct cb_buf payload;
  bool good;

  cb_buf_init(&header, MOST_JSON, NULL);
  cb_buf_init(&payload, MOST_JSON, NULL);
  cb_buf_add_text(&header, "{\"typ\": \"JWT\", \"alg\": \"RS256\"");
  add_claim(&header, "kid", claims->key_id);
  cb_buf_add_text(&header, "}");
  cb_buf_add_text(&payload, "{");
  if (claims->subject_first) add_who(&payload, claims);
  add_times(&payload, claims);
  if (!claims->subject_first) add_who(&payload, claims);
  add_claim(&payload, "aud", claims->audience);
  add_claim(&payload, "scope", claims->scope);
  if (!claims->subject_first) add_claim(&payload, "sub", claims->subject);
  cb_buf_add_text(&payload, "}");
  good = !header.failed && !payload.failed &&
         vtx_jwt_sign(key, header.data, payload.data, buf);
  cb_buf_release(&header);
  cb_buf_release(&payload);
  return good;
}
