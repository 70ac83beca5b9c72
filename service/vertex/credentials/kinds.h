/* kinds.h - the sources that a credential file, or the machine, can name.
 *
 * Each takes the file's object, which it copies from, and the place, which it
 * borrows. On a mistake in the file NULL is returned and *ret_why says what is
 * missing or wrong ("has no client_email"), never a value.
 *
 * Threads:   the engine's; or before its start.
 * Ownership: the source is the caller's.
 */
#ifndef VTX_VERTEX_CREDENTIALS_KINDS_H
#define VTX_VERTEX_CREDENTIALS_KINDS_H

#include "service/vertex/credentials/token_source.h"

#define VTX_TOKEN_URL "https://oauth2.googleapis.com/token"
#define VTX_STS_URL "https://sts.googleapis.com/v1/token"

/* service_account: signs a statement and has it exchanged for a token; or, if
 * place says self_signed or another universe, uses the statement itself. scope
 * is a literal. */
struct vtx_token_source *vtx_service_account_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char *scope, const char **ret_why);

/* authorized_user: what gcloud auth application-default login leaves. */
struct vtx_token_source *vtx_authorized_user_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why);

/* external_account_authorized_user: the same for a workforce's login. */
struct vtx_token_source *vtx_workforce_user_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why);

/* The metadata server's default service account. NULL: out of memory. */
struct vtx_token_source *vtx_metadata_new(const struct vtx_token_place *place);

/* impersonated_service_account: one account speaks for another. */
struct vtx_token_source *vtx_impersonated_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why);

/* external_account: a token of somebody else's, exchanged for Google's. */
struct vtx_token_source *vtx_external_account_new(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why);

/* Whichever of these the file's type names. */
struct vtx_token_source *vtx_token_source_from(
    const struct vtx_token_place *place, const struct json_object *file,
    const char **ret_why);

#endif
