/* Made by protoc-gen-crpc from crpc/test/v1/other.proto; do not edit. */
#include "crpc/test/v1/other.crpc.h"
