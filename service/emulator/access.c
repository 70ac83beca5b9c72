#include "service/emulator/access.h"

#include <string.h>
#include <strings.h>

#include "service/emulator/google_error.h"
#include "service/emulator/identity.h"
#include "service/emulator/respond.h"

static bool deny(struct vtx_emu_error *error, unsigned status,
                 const char *message, const char *reason) {
  *error = vtx_emu_error_make(status, message);
  error->reason = reason;
  return false;
}

static bool asks_for_issued(const struct vtx_emu_responder *responder) {
  return responder->identity && responder->identity->required;
}

static bool check_token(const struct vtx_emu_responder *responder,
                        const char *authorization,
                        struct vtx_emu_error *error) {
  const char *wanted = responder->require_token;
  static const char scheme[] = "Bearer ";
  const size_t size = sizeof scheme - 1;

  if (!authorization || strncasecmp(authorization, scheme, size) != 0) {
    return deny(error, 401,
                "Request is missing required authentication credential. "
                "Expected OAuth 2 access token, login cookie or other valid "
                "authentication credential.",
                "CREDENTIALS_MISSING");
  }
  if (wanted && strcmp(authorization + size, wanted) == 0) return true;
  if (asks_for_issued(responder) &&
      vtx_emu_identity_admits(responder->identity, authorization)) {
    return true;
  }
  return deny(error, 401,
              "Request had invalid authentication credentials. Expected OAuth "
              "2 access token, login cookie or other valid authentication "
              "credential.",
              "ACCESS_TOKEN_TYPE_UNSUPPORTED");
}

/* Either credential will do if both are asked for. */
bool vtx_emu_check_access(const struct vtx_emu_responder *responder,
                          const struct vtx_emu_request *request,
                          struct vtx_emu_error *error) {
  const char *key = responder->require_api_key;

  bool token = responder->require_token || asks_for_issued(responder);

  if (!key && !token) return true;
  if (key && request->api_key) {
    if (strcmp(request->api_key, key) == 0) return true;
    return deny(error, 400, "API key not valid. Please pass a valid API key.",
                "API_KEY_INVALID");
  }
  if (token) return check_token(responder, request->authorization, error);
  return deny(error, 403,
              "Method doesn't allow unregistered callers (callers without "
              "established identity). Please use API Key or other form of API "
              "consumer identity to call this API.",
              NULL);
}
