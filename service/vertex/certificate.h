/* certificate.h - the certificate that the upstream may ask of us.
 *
 * libcurl reads the files for each new connection; this is the look at them
 * before the first.
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef VTX_VERTEX_CERTIFICATE_H
#define VTX_VERTEX_CERTIFICATE_H

/* Which of the two files is at fault. */
enum vtx_certificate_part {
  VTX_CERTIFICATE_FINE,
  VTX_CERTIFICATE_FILE,
  VTX_CERTIFICATE_KEY,
};

/* Looks whether certificate is a PEM file with a certificate, and key (may be
 * the same file) one with its private key, not encrypted. *ret_why is a
 * constant if not. */
enum vtx_certificate_part vtx_certificate_check(const char *certificate,
                                                const char *key,
                                                const char **ret_why);

#endif
