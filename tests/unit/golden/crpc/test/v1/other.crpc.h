/* Made by protoc-gen-crpc from crpc/test/v1/other.proto; do not edit. */
#ifndef CRPC_crpc_2ftest_2fv1_2fother_2eproto
#define CRPC_crpc_2ftest_2fv1_2fother_2eproto

#include "crpc/test/v1/other.pb-c.h"

PROTOBUF_C__BEGIN_DECLS

/* message crpc.test.v1.Other */
typedef Crpc__Test__V1__Other crpc_test_Other;
#define crpc_test_Other_INIT \
  CRPC__TEST__V1__OTHER__INIT
#define crpc_test_Other_descriptor \
  crpc__test__v1__other__descriptor

PROTOBUF_C__END_DECLS

#endif
