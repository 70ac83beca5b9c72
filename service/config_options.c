#include "service/config_options.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "service/config.h"
#include "service/quota/table.h"
#include "service/routes/routes.h"

#define AT(member) .offset = offsetof(struct vtx_config, member)
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define MS ((uint64_t)CB_MILLISECOND)
#define HOUR (3600 * (uint64_t)CB_SECOND)

static const struct vtx_option table[] = {
    {.name = "listen",
     .argument = "ADDRESS",
     .fallback = "127.0.0.1:50051",
     .kind = VTX_OPTION_LISTEN,
     AT(listen),
     .help = "Where to listen: HOST:PORT, [V6]:PORT or unix:PATH.\n"
             "Port 0 picks a free one. May be given several times;\n"
             "in the variable, addresses are separated by commas."},
    {.name = "allow-plaintext",
     .kind = VTX_OPTION_SWITCH,
     AT(allow_plaintext),
     .help = "Allow addresses that other machines can reach. Calls\n"
             "are not encrypted, and callers are not checked."},
    {.name = "metrics-listen",
     .argument = "ADDRESS",
     .kind = VTX_OPTION_TEXT,
     AT(metrics_listen),
     .help = "Where Prometheus finds metrics, at /metrics: HOST:PORT\n"
             "or [V6]:PORT. Port 0 picks a free one. Whoever can\n"
             "connect can read them."},
    {.name = "project",
     .argument = "ID",
     .variables = {"GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "GCP_PROJECT"},
     .kind = VTX_OPTION_TEXT,
     AT(project),
     .help = "Google Cloud project that pays and whose quota counts."},
    {.name = "location",
     .argument = "NAMES",
     .fallback = "global",
     .variables = {"GOOGLE_CLOUD_LOCATION"},
     .kind = VTX_OPTION_TEXT,
     AT(locations),
     .help = "Locations of the models, parted by commas: global, us,\n"
             "eu or regions. The first is preferred; the others take\n"
             "over what it fails at or has no quota for."},
    {.name = "base-url",
     .argument = "URL",
     .variables = {"GOOGLE_VERTEX_BASE_URL"},
     .kind = VTX_OPTION_TEXT,
     AT(base_url),
     .help = "Scheme and host to use instead of Google's. Plain http\n"
             "to this machine needs neither project nor credential."},
    {.name = "api-version",
     .argument = "VERSION",
     .fallback = "v1",
     .kind = VTX_OPTION_TEXT,
     AT(api_version),
     .help = "Version of Vertex AI's interface: v1 or v1beta1."},
    {.name = "allow-project",
     .argument = "ID[,ID...]",
     .kind = VTX_OPTION_LIST,
     AT(allowed_projects),
     .max = VTX_ALLOWED_PROJECTS,
     .help = "Projects that callers may name in full names of models\n"
             "(projects/...) besides that of --project. May be given\n"
             "several times."},
    {.name = "mtls",
     .kind = VTX_OPTION_SWITCH,
     AT(mtls),
     .help = "Use Google's hosts that ask for a certificate; needs\n"
             "--client-certificate."},
    {.name = "client-certificate",
     .argument = "FILE",
     .kind = VTX_OPTION_TEXT,
     AT(client_certificate),
     .help = "PEM file with the certificate, and what signs it, to\n"
             "show where the upstream asks for one; read for each new\n"
             "connection."},
    {.name = "client-key",
     .argument = "FILE",
     .kind = VTX_OPTION_TEXT,
     AT(client_key),
     .help = "PEM file with the certificate's private key.\n"
             "(as --client-certificate)"},
    {.name = "ca-file",
     .argument = "FILE",
     .variables = {"SSL_CERT_FILE"},
     .kind = VTX_OPTION_TEXT,
     AT(ca_file),
     .help = "PEM file of the authorities trusted for https, instead\n"
             "of the system's."},
    {.name = "api-key",
     .argument = "KEY",
     .variables = {"GOOGLE_API_KEY", "GEMINI_API_KEY"},
     .kind = VTX_OPTION_SECRET,
     AT(api_key),
     .help = "API key. With a project its paths are used, without\n"
             "one those of express mode. Better given as variable:\n"
             "every user of the machine can see flags."},
    {.name = "access-token-file",
     .argument = "FILE",
     .kind = VTX_OPTION_TEXT,
     AT(access_token_file),
     .help = "File whose first line is an OAuth access token; read\n"
             "again when it changes. A FIFO is read once."},
    {.name = "credentials",
     .argument = "KIND",
     .fallback = "auto",
     .kind = VTX_OPTION_TEXT,
     AT(credentials),
     .help = "auto: key, token, credential file or what the machine\n"
             "has; none for plain http to this machine. adc: always\n"
             "Application Default Credentials. metadata: only the\n"
             "metadata server. none: none."},
    {.name = "credentials-file",
     .argument = "FILE",
     .variables = {"GOOGLE_APPLICATION_CREDENTIALS"},
     .kind = VTX_OPTION_TEXT,
     AT(credentials_file),
     .help = "Credential file, of a service account, a user or a\n"
             "workload; read again when it changes. Without it\n"
             "gcloud's file, then the metadata server."},
    {.name = "quota-project",
     .argument = "ID",
     .variables = {"GOOGLE_CLOUD_QUOTA_PROJECT"},
     .kind = VTX_OPTION_TEXT,
     AT(quota_project),
     .help = "Project named in x-goog-user-project, instead of the\n"
             "credential's."},
    {.name = "universe-domain",
     .argument = "DOMAIN",
     .variables = {"GOOGLE_CLOUD_UNIVERSE_DOMAIN"},
     .kind = VTX_OPTION_TEXT,
     AT(universe_domain),
     .help = "Domain of Google's hosts, instead of the credential's\n"
             "or googleapis.com."},
    {.name = "token-url",
     .argument = "URL",
     .kind = VTX_OPTION_TEXT,
     AT(token_url),
     .help = "Where the refresh tokens of gcloud's users are\n"
             "exchanged, instead of Google's: https, or this machine."},
    {.name = "self-signed-jwt",
     .kind = VTX_OPTION_SWITCH,
     AT(self_signed_jwt),
     .help = "Service accounts sign their tokens themselves and ask\n"
             "no token endpoint."},
    {.name = "default-model",
     .argument = "NAME",
     .kind = VTX_OPTION_TEXT,
     AT(default_model),
     .help = "Model for calls that name none; may be an alias."},
    {.name = "model-alias",
     .argument = "ALIAS",
     .kind = VTX_OPTION_LIST,
     AT(model_aliases),
     .max = VTX_ROUTES_ALIASES,
     .help = "NAME=MODEL[:LOCATION][,MODEL[:LOCATION]...]: a name for\n"
             "a model and for those that stand in where it fails, at\n"
             "LOCATION or at all of --location. May be given several\n"
             "times; in the variable, aliases are separated by ;"},
    {.name = "request-tier",
     .argument = "TIER",
     .fallback = "standard",
     .kind = VTX_OPTION_TEXT,
     AT(request_tier),
     .help = "Capacity for requests that do not say: standard,\n"
             "dedicated, shared, priority, flex, shared-priority or\n"
             "shared-flex. The last four exist at global only."},
    {.name = "label",
     .argument = "KEY=VALUE",
     .kind = VTX_OPTION_LIST,
     AT(label_texts),
     .max = VTX_LABELS_MAX,
     .help = "Label of every request, for billing reports; one of the\n"
             "request with that key wins. May be given several times;\n"
             "in the variable, labels are separated by semicolons."},
    {.name = "max-concurrency-cap",
     .argument = "N",
     .fallback = "1000",
     .kind = VTX_OPTION_COUNT,
     AT(max_concurrency_cap),
     .min = 1,
     .max = 100000,
     .help = "Highest max_concurrency of one call; more is lowered."},
    {.name = "max-in-flight",
     .argument = "N",
     .fallback = "10000",
     .kind = VTX_OPTION_COUNT,
     AT(max_in_flight),
     .min = 1,
     .max = 1000000,
     .help = "Requests to the upstream at a time, over all calls."},
    {.name = "target-max-in-flight",
     .argument = "N",
     .kind = VTX_OPTION_COUNT,
     AT(target_max_in_flight),
     .min = 1,
     .max = 1000000,
     .help = "Requests to one target (a model at a location) at a\n"
             "time. (as --max-in-flight)"},
    {.name = "requests-per-minute",
     .argument = "N",
     .fallback = "0",
     .kind = VTX_OPTION_COUNT,
     AT(requests_per_minute),
     .max = VTX_QUOTA_REQUESTS_MAX,
     .help = "Requests that each target gets in a minute; 0 for as\n"
             "many as it takes."},
    {.name = "tokens-per-minute",
     .argument = "N",
     .fallback = "0",
     .kind = VTX_OPTION_COUNT,
     AT(tokens_per_minute),
     .max = VTX_QUOTA_TOKENS_MAX,
     .help = "Tokens, of prompts and answers, that each target gets\n"
             "in a minute; 0 for as many as it takes."},
    {.name = "model-quota",
     .argument = "QUOTA",
     .kind = VTX_OPTION_LIST,
     AT(model_quotas),
     .max = VTX_QUOTA_ENTRIES,
     .help = "MODEL[:LOCATION]=REQUESTS[:TOKENS]: what one model gets\n"
             "in a minute, instead of the two above. May be given\n"
             "several times; in the variable, separated by ;"},
    {.name = "no-adaptive",
     .kind = VTX_OPTION_SWITCH,
     AT(no_adaptive),
     .help = "Learn nothing from refusals (429) and overload (503):\n"
             "only the limits given here hold."},
    {.name = "max-waiting-calls",
     .argument = "N",
     .fallback = "10000",
     .kind = VTX_OPTION_COUNT,
     AT(max_waiting_calls),
     .min = 1,
     .max = 1000000,
     .help = "Calls that may wait for their first request to the\n"
             "upstream, also limited to half of --memory-budget; more\n"
             "are refused."},
    {.name = "interactive-attempts",
     .argument = "N",
     .fallback = "3",
     .kind = VTX_OPTION_COUNT,
     AT(interactive_attempts),
     .min = 1,
     .max = 100,
     .help = "Attempts for a single call whose request to the upstream\n"
             "fails in a way that may pass; 1: no retries."},
    {.name = "batch-attempts",
     .argument = "N",
     .fallback = "16",
     .kind = VTX_OPTION_COUNT,
     AT(batch_attempts),
     .min = 1,
     .max = 100,
     .help = "The same for each item of a batch, map or pipe."},
    {.name = "throttle-wait",
     .argument = "TIME",
     .fallback = "10s",
     .kind = VTX_OPTION_DURATION,
     AT(throttle_wait),
     .min = 0,
     .max = 24 * HOUR,
     .help = "How long single calls wait, from their arrival, for quota:\n"
             "what the upstream refuses (429) or is configured. Items\n"
             "of batches wait until their deadline."},
    {.name = "max-batch-items",
     .argument = "N",
     .fallback = "50000",
     .kind = VTX_OPTION_COUNT,
     AT(max_batch_items),
     .min = 1,
     .max = 10000000,
     .help = "Most prompts or items of one batch or map call."},
    {.name = "max-request-bytes",
     .argument = "SIZE",
     .fallback = "64MiB",
     .kind = VTX_OPTION_BYTES,
     AT(max_request_bytes),
     .min = 1 * KIB,
     .max = 1 * GIB,
     .help = "Largest message that a caller may send."},
    {.name = "max-response-bytes",
     .argument = "SIZE",
     .fallback = "64MiB",
     .kind = VTX_OPTION_BYTES,
     AT(max_response_bytes),
     .min = 1 * KIB,
     .max = 1 * GIB,
     .help = "Largest answer taken from the upstream, unpacked."},
    {.name = "memory-budget",
     .argument = "SIZE",
     .kind = VTX_OPTION_BYTES,
     AT(memory_budget),
     .min = 16 * MIB,
     .max = 1024 * 1024 * GIB,
     .help = "Bytes for requests and answers over all calls; beyond\n"
             "it new work is refused. (half of the machine's memory)"},
    {.name = "drain-timeout",
     .argument = "TIME",
     .fallback = "30s",
     .kind = VTX_OPTION_DURATION,
     AT(drain_timeout),
     .min = 0,
     .max = 24 * HOUR,
     .help = "How long running calls may go on after SIGTERM."},
    {.name = "request-timeout",
     .argument = "TIME",
     .fallback = "60s",
     .kind = VTX_OPTION_DURATION,
     AT(request_timeout),
     .min = 100 * MS,
     .max = 24 * HOUR,
     .help = "How long a caller may take to send a call's message,\n"
             "or the start of a pipe."},
    {.name = "reader-timeout",
     .argument = "TIME",
     .fallback = "30m",
     .kind = VTX_OPTION_DURATION,
     AT(reader_timeout),
     .min = 100 * MS,
     .max = 24 * HOUR,
     .help = "How long a message may wait for a caller that does\n"
             "not read; then its call is cut."},
    {.name = "default-deadline",
     .argument = "TIME",
     .fallback = "600s",
     .kind = VTX_OPTION_DURATION,
     AT(default_deadline),
     .min = 1 * MS,
     .max = 24 * HOUR,
     .help = "Deadline of single calls that bring none, and the\n"
             "default item_timeout of batches."},
    {.name = "emulate",
     .kind = VTX_OPTION_SWITCH,
     AT(emulate),
     .help = "Answer from the built-in emulator of Vertex AI: needs\n"
             "no project, no credential and no network."},
    {.name = "version",
     .kind = VTX_OPTION_ACTION,
     AT(version),
     .help = "Print the version and exit."},
    {.name = "help",
     .kind = VTX_OPTION_ACTION,
     AT(help),
     .help = "Print this and exit."},
};

#define COUNT (sizeof table / sizeof table[0])

_Static_assert(COUNT <= VTX_OPTIONS_MAX, "arrays beside the table are too few");

const struct vtx_option *vtx_options_table(size_t *ret_count) {
  *ret_count = COUNT;
  return table;
}

void vtx_option_variable(const struct vtx_option *option,
                         char out[VTX_VARIABLE_ROOM]) {
  int len = snprintf(out, VTX_VARIABLE_ROOM, "VERTEXD_%s", option->name);

  assert(len > 0 && len < VTX_VARIABLE_ROOM);
  for (int i = 0; i < len; i++)
    out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

static void print_lines(FILE *out, const char *text) {
  while (*text) {
    size_t len = strcspn(text, "\n");

    fprintf(out, "      %.*s\n", (int)len, text);
    text += len + (text[len] == '\n');
  }
}

static void print_option(FILE *out, const struct vtx_option *option) {
  char variable[VTX_VARIABLE_ROOM];

  fprintf(out, "  --%s", option->name);
  if (option->argument) fprintf(out, " %s", option->argument);
  if (option->fallback) fprintf(out, "  (%s)", option->fallback);
  fputc('\n', out);
  print_lines(out, option->help);
  if (option->kind == VTX_OPTION_ACTION) return;
  vtx_option_variable(option, variable);
  fprintf(out, "      [%s", variable);
  for (size_t i = 0; i < VTX_OPTION_VARIABLES && option->variables[i]; i++)
    fprintf(out, ", %s", option->variables[i]);
  fputs("]\n", out);
}

void vtx_config_print_help(FILE *out) {
  fputs(
      "Usage: vertexd [--FLAG VALUE]...\n"
      "\n"
      "Serves prompts, batches and maps over gRPC and runs them against\n"
      "Gemini on Vertex AI. To begin:\n"
      "\n"
      "  vertexd --emulate\n"
      "  vertexd --project P --credentials-file F --default-model M\n"
      "\n"
      "Defaults are in (parentheses), environment variables in [brackets];\n"
      "a flag wins over its variables, the first of these over the others.\n"
      "Sizes may end in KiB, MiB or GiB; times end in ms, s, m or h.\n"
      "\n",
      out);
  for (size_t i = 0; i < COUNT; i++)
    print_option(out, &table[i]);
  fputs(
      "\n"
      "SIGTERM and SIGINT let running calls end (a second one cuts them off),\n"
      "SIGUSR1 prints counters on stderr. Logs are JSON lines on stderr.\n"
      "A wrong flag or value exits with 2.\n",
      out);
}
