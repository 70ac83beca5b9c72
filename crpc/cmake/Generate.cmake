# From .proto files to C libraries.
#
#   pb_c_library(TARGET DIR FILE...)   messages: FILE.pb-c.{h,c} by protobuf-c
#   crpc_library(TARGET DIR [KEEP_VERSION] FILE...)
#                                      short names and services: FILE.crpc.{h,c}
#                                      by crpc; KEEP_VERSION keeps the version
#                                      of the package in the short names
#   descriptor_set(OUT DIR FILE...)    FILEs and all they import, serialised
#
# DIR is the import root that FILEs are relative to. Generated code is compiled
# without our warning rules, as it is not ours to mend.

set(CRPC_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})
set(GENERATED_DIR ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${GENERATED_DIR})
find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_GEN_C protoc-gen-c REQUIRED)

function(_stems out)
  set(stems)
  foreach(file ${ARGN})
    string(REGEX REPLACE "\\.proto$" "" stem ${file})
    list(APPEND stems ${stem})
  endforeach()
  set(${out} ${stems} PARENT_SCOPE)
endfunction()

function(pb_c_library target dir)
  _stems(stems ${ARGN})
  set(sources)
  foreach(stem ${stems})
    add_custom_command(
      OUTPUT ${GENERATED_DIR}/${stem}.pb-c.c ${GENERATED_DIR}/${stem}.pb-c.h
      COMMAND ${PROTOC} -I${dir} -I${PROJECT_SOURCE_DIR}/proto
        --plugin=protoc-gen-pbc=${CRPC_CMAKE_DIR}/protoc-gen-c-optional
        --pbc_out=${GENERATED_DIR} ${stem}.proto
      DEPENDS ${dir}/${stem}.proto ${CRPC_CMAKE_DIR}/protoc-gen-c-optional
      VERBATIM)
    list(APPEND sources ${GENERATED_DIR}/${stem}.pb-c.c
      ${GENERATED_DIR}/${stem}.pb-c.h)
  endforeach()
  add_library(${target} STATIC ${sources})
  target_compile_options(${target} PRIVATE -w)
  target_include_directories(${target} SYSTEM PUBLIC ${GENERATED_DIR})
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()

function(crpc_library target dir)
  cmake_parse_arguments(arg "KEEP_VERSION" "" "" ${ARGN})
  _stems(stems ${arg_UNPARSED_ARGUMENTS})
  set(options)
  if(arg_KEEP_VERSION)
    set(options --crpc_opt=keep_version)
  endif()
  set(sources)
  foreach(stem ${stems})
    add_custom_command(
      OUTPUT ${GENERATED_DIR}/${stem}.crpc.c ${GENERATED_DIR}/${stem}.crpc.h
      COMMAND ${PROTOC} -I${dir} -I${PROJECT_SOURCE_DIR}/proto
        --plugin=protoc-gen-crpc=$<TARGET_FILE:protoc-gen-crpc>
        --crpc_out=${GENERATED_DIR} ${options} ${stem}.proto
      DEPENDS ${dir}/${stem}.proto protoc-gen-crpc
      VERBATIM)
    list(APPEND sources ${GENERATED_DIR}/${stem}.crpc.c
      ${GENERATED_DIR}/${stem}.crpc.h)
  endforeach()
  add_library(${target} STATIC ${sources})
  target_compile_options(${target} PRIVATE -w)
  target_include_directories(${target} SYSTEM PUBLIC ${GENERATED_DIR})
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF_C crpc_headers)
endfunction()

function(descriptor_set out dir)
  list(TRANSFORM ARGN PREPEND ${dir}/ OUTPUT_VARIABLE depends)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${PROTOC} -I${dir} -I${PROJECT_SOURCE_DIR}/proto --include_imports
      --descriptor_set_out=${out} ${ARGN}
    DEPENDS ${depends}
    VERBATIM)
endfunction()
