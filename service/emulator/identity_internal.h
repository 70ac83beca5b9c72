/* identity_internal.h - what the endpoints of identity.h share.
 *
 * Threads: none inside.
 */
#ifndef VTX_EMULATOR_IDENTITY_INTERNAL_H
#define VTX_EMULATOR_IDENTITY_INTERNAL_H

#include "service/emulator/identity.h"
#include "service/emulator/reply.h"
#include "service/emulator/respond.h"

/* One request on its way. */
struct vtx_emu_visit {
  struct vtx_emu_identity *identity;
  const struct vtx_emu_request *request;
  struct vtx_emu_reply *reply;
};

/* The endpoints. Each fills the reply in. */
void vtx_emu_identity_token(struct vtx_emu_visit *visit);
void vtx_emu_identity_sts(struct vtx_emu_visit *visit);
void vtx_emu_identity_iam(struct vtx_emu_visit *visit);
void vtx_emu_identity_metadata(struct vtx_emu_visit *visit);
void vtx_emu_identity_aws(struct vtx_emu_visit *visit);
void vtx_emu_identity_subject(struct vtx_emu_visit *visit);

/* A reply with that body. */
void vtx_emu_visit_reply(struct vtx_emu_visit *visit, unsigned status,
                         const char *type, const char *body);

/* {"error": code, "error_description": text}. */
void vtx_emu_visit_refuse(struct vtx_emu_visit *visit, unsigned status,
                          const char *code, const char *text);

/* A new token, kept among those that were given out; lives as long as those
 * are remembered. */
const char *vtx_emu_identity_issue(struct vtx_emu_identity *identity,
                                   bool cloud);

/* Gives one out as {"access_token","expires_in","token_type"} and more, which
 * is "" or begins with a comma. */
void vtx_emu_visit_give(struct vtx_emu_visit *visit, bool cloud,
                        const char *more);

/* True if authorization holds a token that was given out and still lives. */
bool vtx_emu_identity_knows(const struct vtx_emu_identity *identity,
                            const char *authorization, bool cloud);

/* The value of a form's field, decoded; NULL if it is missing. */
const char *vtx_emu_form(const struct vtx_emu_request *request,
                         const char *name);

/* Decodes percent signs, and plus as a blank if asked to. NULL when the arena
 * is used up or the text is wrong. */
const char *vtx_emu_percent_decode(const struct vtx_emu_request *request,
                                   const char *text, size_t size,
                                   bool plus_too);

int64_t vtx_emu_identity_time(const struct vtx_emu_identity *identity);

/* What is wrong with a signed statement; NULL if nothing is. grant: it is to
 * be exchanged; otherwise it is a token itself. */
const char *vtx_emu_jwt_trouble(const struct vtx_emu_identity *identity,
                                const char *jwt, bool grant);

/* What is wrong with a subject token of Amazon's; NULL if nothing is. */
const char *vtx_emu_aws_trouble(const struct vtx_emu_request *request,
                                const char *token, const char *audience);

#define VTX_EMU_CLIENT_ID "emulated-client"
#define VTX_EMU_CLIENT_SECRET "emulated-secret"
#define VTX_EMU_REFRESH_TOKEN "1//emulated-refresh"
#define VTX_EMU_SUBJECT_TOKEN "emulated-subject"
#define VTX_EMU_AWS_KEY "AKIDEMULATED"
#define VTX_EMU_AWS_SECRET "emulated/aws+secret"
#define VTX_EMU_AWS_SESSION "emulated-aws-session"
#define VTX_EMU_AWS_IMDS "emulated-imds-session"

#endif
