# Bytes: messages on the wire, status details, compression; and the services
# that every server may have.
set(CRPC_BYTES
  inflate.c
  status_details.c
  status_parse.c
  unpack.c
  wire.c
  wire_error.c)
