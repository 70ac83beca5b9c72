#include "service/batch/job_repair.h"

#include "base/arena.h"
#include "service/batch/flow.h"
#include "service/batch/job_hops.h"
#include "service/batch/job_internal.h"
#include "service/vertex/repair.h"

/* The answer has been copied: its arena, and what its hops left, can go. */
static void drop_answer(struct vtx_job *job) {
  cb_arena_free(job->result.answer_arena);
  job->result.answer_arena = NULL;
  job->result.message = NULL;
  vtx_hops_release(job);
}

bool vtx_job_repair(struct vtx_job *job, const struct cb_status *status) {
  const Vertexd__V1__GenerateResponse *response =
      (const Vertexd__V1__GenerateResponse *)job->result.message;

  if (!vtx_repair_applies(&job->wants, status) ||
      vtx_job_now(job) >= job->deadline) {
    return false;
  }
  job->repair_arena = cb_arena_new(vtx_job_options(job)->budget, SIZE_MAX, 0);
  if (!job->repair_arena) return false;
  job->repair = vtx_repair_make(response, status, job->repair_arena);
  if (!job->repair) {
    vtx_job_repair_release(job);
    return false;
  }
  drop_answer(job);
  vtx_job_go_on(job);
  return true;
}

void vtx_job_repair_release(struct vtx_job *job) {
  cb_arena_free(job->repair_arena);
  job->repair_arena = NULL;
  job->repair = NULL;
}
