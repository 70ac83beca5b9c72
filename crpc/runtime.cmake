# The half of crpc that runs calls: loop, server, client.
set(CRPC_RUNTIME
  address.c
  arrival.c
  channel.c
  connections.c
  core_log.c
  listener.c
  loop.c
  metadata.c
  payload.c
  routes.c
  rpc.c
  rpc_read.c
  rpc_write.c
  send.c
  server.c
  server_call.c)
