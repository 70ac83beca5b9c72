#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmocka_all.h"
#include "service/vertex/credentials/aws_sign.h"
#include "service/vertex/credentials/encode.h"
#include "service/vertex/credentials/http_source.h"
#include "service/vertex/credentials/impersonate.h"
#include "service/vertex/credentials/jwt.h"
#include "service/vertex/credentials/secret.h"
#include "service/vertex/credentials/token_answer.h"

#define SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define EMAIL "sa@p.iam.gserviceaccount.com"
#define NOW INT64_C(1795305600)

static struct json_object *vector(const char *name) {
  char path[512];
  struct json_object *object;

  snprintf(path, sizeof path, "%s/%s", VTX_TEST_DATA, name);
  object = json_object_from_file(path);
  assert_non_null(object);
  return object;
}

static const char *text_of(struct json_object *object, const char *part,
                           const char *key) {
  const char *text =
      vtx_secret_json_text(vtx_secret_json_object(object, part), key);

  assert_non_null(text);
  return text;
}

static struct vtx_jwt_key *key_of(struct json_object *object) {
  struct vtx_jwt_key *key =
      vtx_jwt_key_new(vtx_secret_json_text(object, "private_key_pem"));

  assert_non_null(key);
  return key;
}

static void assert_made(const struct vtx_jwt_key *key,
                        const struct vtx_jwt_claims *claims,
                        const char *wanted) {
  struct cb_buf buf;

  vtx_secret_buf_init(&buf);
  assert_true(vtx_jwt_make(key, claims, &buf));
  assert_string_equal(buf.data, wanted);
  vtx_secret_buf_release(&buf);
}

static void jwt_sign__given_bytes__the_vector(void **state) {
  static const char *const parts[][2] = {{"grant", "assertion"},
                                         {"self_signed_scope", "jwt"}};
  struct json_object *object = vector("jwt_vector.json");
  struct vtx_jwt_key *key = key_of(object);

  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct cb_buf buf;

    vtx_secret_buf_init(&buf);
    assert_true(vtx_jwt_sign(key, text_of(object, parts[i][0], "header"),
                             text_of(object, parts[i][0], "payload"), &buf));
    assert_string_equal(buf.data, text_of(object, parts[i][0], parts[i][1]));
    vtx_secret_buf_release(&buf);
  }
  vtx_jwt_key_free(key);
  json_object_put(object);
}

static void jwt_make__claims__the_vectors(void **state) {
  struct json_object *object = vector("jwt_vector.json");
  struct vtx_jwt_key *key = key_of(object);
  struct vtx_jwt_claims claims = {
      .key_id = "kid1",
      .issuer = EMAIL,
      .audience = "https://oauth2.googleapis.com/token",
      .scope = SCOPE,
      .issued_at = NOW,
      .expires_at = NOW + 3600,
  };

  (void)state;
  assert_made(key, &claims, text_of(object, "grant", "assertion"));
  claims.subject = EMAIL;
  claims.subject_first = true;
  claims.audience = NULL;
  assert_made(key, &claims, text_of(object, "self_signed_scope", "jwt"));
  claims.scope = NULL;
  claims.audience = "https://aiplatform.googleapis.com/";
  assert_made(key, &claims, text_of(object, "self_signed_audience", "jwt"));
  vtx_jwt_key_free(key);
  json_object_put(object);
}

static void jwt_key__no_rsa_key__refused(void **state) {
  static const char *const bad[] = {
      "", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      /* an elliptic curve's */
      "-----BEGIN PRIVATE KEY-----\n"
      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n"
      "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n"
      "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n"
      "-----END PRIVATE KEY-----\n"};

  (void)state;
  for (size_t i = 0; i < 4; i++)
    assert_null(vtx_jwt_key_new(bad[i]));
  vtx_jwt_key_free(NULL);
}

static void jwt_text__not_for_json__refused(void **state) {
  (void)state;
  assert_true(vtx_jwt_text_ok("a-b@c.d e"));
  assert_false(vtx_jwt_text_ok("a\"b"));
  assert_false(vtx_jwt_text_ok("a\\b"));
  assert_false(vtx_jwt_text_ok("a\nb"));
  assert_false(vtx_jwt_text_ok("\xc3\xa4"));
}

static void aws_token__vector__byte_for_byte(void **state) {
  struct json_object *object = vector("aws_vector.json");
  const struct vtx_aws_identity identity = {
      vtx_secret_json_text(object, "access_key"),
      vtx_secret_json_text(object, "secret"),
      vtx_secret_json_text(object, "session_token"),
      vtx_secret_json_text(object, "region")};
  int64_t now = 0;
  struct cb_buf buf;

  (void)state;
  assert_true(vtx_token_time(vtx_secret_json_text(object, "utc"), &now));
  vtx_secret_buf_init(&buf);
  assert_true(vtx_aws_subject_token(
      &identity,
      "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&"
      "Version=2011-06-15",
      vtx_secret_json_text(object, "audience"), now, &buf));
  assert_string_equal(buf.data,
                      vtx_secret_json_text(object, "subject_token_urlencoded"));
  vtx_secret_buf_release(&buf);
  json_object_put(object);
}

/* The order of a query does not matter to who checks the signature. */
static void aws_token__query_out_of_order__same_signature(void **state) {
  const struct vtx_aws_identity identity = {"K", "S", NULL, "eu-west-1"};
  static const char *const urls[] = {"https://h/?A=1&B=2",
                                     "https://h/?B=2&A=1"};
  char signature[2][65];

  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct cb_buf buf;
    const char *at;

    vtx_secret_buf_init(&buf);
    assert_true(vtx_aws_subject_token(&identity, urls[i], "a", NOW, &buf));
    assert_null(strstr(buf.data, "security-token"));
    at = strstr(buf.data, "Signature%3D");
    assert_non_null(at);
    snprintf(signature[i], sizeof signature[i], "%s", at + 12);
    vtx_secret_buf_release(&buf);
  }
  assert_string_equal(signature[0], signature[1]);
}

static void aws_token__wrong_texts__refused(void **state) {
  static const struct vtx_aws_identity bad[] = {
      {"K\"", "S", NULL, "r"}, {"K", "S", "t\n", "r"}, {"K", "S", NULL, "R/x"}};
  const struct vtx_aws_identity good = {"K", "S", NULL, "r"};
  struct cb_buf buf;

  (void)state;
  vtx_secret_buf_init(&buf);
  for (size_t i = 0; i < 3; i++) {
    assert_false(vtx_aws_subject_token(&bad[i], "https://h", "a", NOW, &buf));
  }
  assert_false(vtx_aws_subject_token(&good, "http://h", "a", NOW, &buf));
  assert_false(vtx_aws_subject_token(&good, "https://h", "a\"", NOW, &buf));
  assert_int_equal(buf.len, 0);
  vtx_secret_buf_release(&buf);
}

static void encode__any_text__as_forms_have_it(void **state) {
  struct cb_buf buf;

  (void)state;
  vtx_secret_buf_init(&buf);
  vtx_encode_field(&buf, "a", "x y/z&=+~");
  vtx_encode_field(&buf, "none", NULL);
  vtx_encode_field(&buf, "b", "\xc3\xa4");
  assert_string_equal(buf.data, "a=x+y%2Fz%26%3D%2B~&b=%C3%A4");
  cb_buf_clear(&buf);
  vtx_encode_percent(&buf, "a b/c", "/");
  assert_string_equal(buf.data, "a%20b/c");
  cb_buf_clear(&buf);
  vtx_encode_base64url(&buf, "\xfb\xff\xfe\x01", 4);
  assert_string_equal(buf.data, "-__-AQ");
  cb_buf_clear(&buf);
  vtx_encode_basic(&buf, "Aladdin", "open sesame");
  assert_string_equal(buf.data, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  vtx_secret_buf_release(&buf);
}

static void url_ok__where_secrets_go__https_or_here(void **state) {
  static const char *const good[] = {
      "https://oauth2.googleapis.com/token", "http://127.0.0.1:8080/token",
      "http://localhost/t", "http://[::1]:80/t", "HTTPS://x"};
  static const char *const bad[] = {"http://example.com/token",
                                    "http://127.0.0.1.example.com/",
                                    "http://127.0.0.1@example.com/",
                                    "http://localhost:80@example.com/",
                                    "http://localhost.example.com/",
                                    "ftp://localhost/",
                                    "https://",
                                    "https:///x",
                                    "https://a b",
                                    "",
                                    "http://[::1",
                                    "http://0x7f.1/"};

  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_true(vtx_token_url_ok(good[i]));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (vtx_token_url_ok(bad[i])) fail_msg("%s is taken", bad[i]);
  }
}

static void impersonate_url__form__checked(void **state) {
  char *email;

  (void)state;
  assert_true(vtx_impersonate_url_ok(
      "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
      "a@b.c:generateAccessToken"));
  assert_false(vtx_impersonate_url_ok("https://x/a@b.c:generateIdToken"));
  assert_false(vtx_impersonate_url_ok("https://x/?y=:generateAccessToken"));
  assert_false(vtx_impersonate_url_ok("http://x/a:generateAccessToken"));
  email = vtx_impersonate_email("https://x/y/a@b.c:generateAccessToken");
  assert_string_equal(email, "a@b.c");
  free(email);
}

struct told {
  int count;
  struct cb_status status;
  char token[64];
  char message[VTX_TOKEN_MESSAGE];
  int64_t lifetime;
};

static void on_told(void *ctx, const struct vtx_token_result *result) {
  struct told *told = ctx;

  told->count++;
  told->status = result->status;
  told->lifetime = result->lifetime;
  snprintf(told->token, sizeof told->token, "%s",
           result->token ? result->token : "");
  snprintf(told->message, sizeof told->message, "%s", result->status.message);
}

static struct told tell(const char *text) {
  struct told told = {.count = 0};
  const struct vtx_token_sink sink = {on_told, &told};

  vtx_token_deliver(sink, "it", text, strlen(text));
  assert_int_equal(told.count, 1);
  return told;
}

static void token_answer__lifetimes__as_said(void **state) {
  static const struct {
    const char *text;
    int64_t seconds;
  } cases[] = {
      {"{\"access_token\":\"t\",\"expires_in\":3599}", 3599},
      {"{\"access_token\":\"t\",\"expires_in\":\"3599\"}", 3599},
      {"{\"access_token\":\"t\",\"expires_in\":\"x\"}", 0},
      {"{\"access_token\":\"t\"}", 0},
      {"{\"access_token\":\"t\",\"expires_in\":-5}", 1},
      {"{\"access_token\":\"t\",\"expires_in\":9223372036854775807}",
       INT64_C(1) << 31},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct told told = tell(cases[i].text);

    assert_int_equal(told.status.code, CB_OK);
    assert_string_equal(told.token, "t");
    assert_int_equal(told.lifetime, cases[i].seconds * CB_SECOND);
  }
}

static void token_answer__no_token__a_lasting_failure(void **state) {
  static const char *const bad[] = {"",
                                    "x",
                                    "[]",
                                    "{}",
                                    "{\"access_token\":7}",
                                    "{\"access_token\":\"\"}",
                                    "{\"access_token\":\"a b\"}",
                                    "{\"access_token\":\"a\\r\\nX: y\"}",
                                    "{\"access_token\":\"a\\u0000b\"}"};

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct told told = tell(bad[i]);

    assert_int_equal(told.status.code, CB_FAILED_PRECONDITION);
    assert_string_equal(told.status.reason, "CREDENTIAL_UNAVAILABLE");
  }
}

static void iam_answer__expire_time__lifetime(void **state) {
  struct told told = {.count = 0};
  const struct vtx_token_sink sink = {on_told, &told};
  const char *text =
      "{\"accessToken\":\"t\",\"expireTime\":\"2026-11-22T00:10:00.5Z\"}";
  int64_t now = 0;

  (void)state;
  assert_true(vtx_token_time("2026-11-22T00:00:00Z", &now));
  vtx_token_deliver_iam(sink, now, text, strlen(text));
  assert_int_equal(told.lifetime, 600 * CB_SECOND);
  vtx_token_deliver_iam(sink, now + 700, text, strlen(text));
  assert_int_equal(told.lifetime, CB_SECOND);
  assert_false(vtx_token_time("2026-11-22", &now));
  assert_false(vtx_token_time("2026-11-22T00:00:00+01:00", &now));
}

static void refusal__words__told_without_secrets(void **state) {
  struct vtx_token_failure failure;
  const char *text =
      "{\"error\":\"invalid_grant\",\"error_description\":\"Bad token "
      "1//0abcdefghijklmnopqrstuvwxyz of sa@p.example.iam.gserviceaccount.com"
      "\",\"error_subtype\":\"invalid_rapt\"}";

  (void)state;
  vtx_token_refusal(&failure, "it", 400, text, strlen(text));
  assert_string_equal(
      failure.status.message,
      "it gives no token: HTTP 400, invalid_grant (invalid_rapt): Bad token "
      "... of sa@p.example.iam.gserviceaccount.com");
  assert_int_equal(failure.status.code, CB_FAILED_PRECONDITION);
  assert_int_equal(failure.status.http_status, 400);
  text = "{\"error\":{\"status\":\"PERMISSION_DENIED\",\"message\":\"no\"}}";
  vtx_token_refusal(&failure, "it", 403, text, strlen(text));
  assert_string_equal(failure.status.message,
                      "it gives no token: HTTP 403, PERMISSION_DENIED: no");
  vtx_token_refusal(&failure, "it", 503, "", 0);
  assert_int_equal(failure.status.code, CB_UNAVAILABLE);
  assert_string_equal(failure.status.reason, "CREDENTIAL_REFRESH_FAILED");
}

static void may_retry__statuses_and_words(void **state) {
  static const int yes[] = {408, 429, 500, 502, 503, 504};
  static const int no[] = {200, 400, 401, 403, 404, 501};
  const char *busy = "{\"error\":\"temporarily_unavailable\"}";

  (void)state;
  for (size_t i = 0; i < 6; i++) {
    assert_true(vtx_token_may_retry(yes[i], "", 0));
    assert_false(vtx_token_may_retry(no[i], "", 0));
  }
  assert_true(vtx_token_may_retry(400, busy, strlen(busy)));
}

static void secret_json__limits__at_and_past(void **state) {
  char *text = malloc(VTX_SECRET_BYTES + 2);
  struct json_object *object;

  (void)state;
  memset(text, ' ', VTX_SECRET_BYTES + 1);
  text[0] = '{';
  text[VTX_SECRET_BYTES - 1] = '}';
  object = vtx_secret_json(text, VTX_SECRET_BYTES);
  assert_non_null(object);
  vtx_secret_json_free(object);
  text[VTX_SECRET_BYTES - 1] = ' ';
  text[VTX_SECRET_BYTES] = '}';
  assert_null(vtx_secret_json(text, VTX_SECRET_BYTES + 1));
  assert_null(vtx_secret_json("{\"a\":", 5));
  assert_null(vtx_secret_json("[1]", 3));
  assert_null(vtx_secret_json("{} x", 4));
  object = vtx_secret_json("{} \n", 4);
  assert_non_null(object);
  vtx_secret_json_free(object);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(jwt_sign__given_bytes__the_vector),
      cmocka_unit_test(jwt_make__claims__the_vectors),
      cmocka_unit_test(jwt_key__no_rsa_key__refused),
      cmocka_unit_test(jwt_text__not_for_json__refused),
      cmocka_unit_test(aws_token__vector__byte_for_byte),
      cmocka_unit_test(aws_token__query_out_of_order__same_signature),
      cmocka_unit_test(aws_token__wrong_texts__refused),
      cmocka_unit_test(encode__any_text__as_forms_have_it),
      cmocka_unit_test(url_ok__where_secrets_go__https_or_here),
      cmocka_unit_test(impersonate_url__form__checked),
      cmocka_unit_test(token_answer__lifetimes__as_said),
      cmocka_unit_test(token_answer__no_token__a_lasting_failure),
      cmocka_unit_test(iam_answer__expire_time__lifetime),
      cmocka_unit_test(refusal__words__told_without_secrets),
      cmocka_unit_test(may_retry__statuses_and_words),
      cmocka_unit_test(secret_json__limits__at_and_past),
  };
  cmocka_set_test_filter(getenv("CASES"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
