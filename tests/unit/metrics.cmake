# Pages for Prometheus, and their server.
add_library(test_http_client STATIC support/http_client.c)
target_link_libraries(test_http_client PRIVATE vtx_options PUBLIC cb_base)

vtx_unit_test(metrics_exposition vtx_metrics)
vtx_unit_test(metrics_server vtx_metrics test_http_client)
