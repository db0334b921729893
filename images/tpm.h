/*
 * TPM evidence that an image was measured: a quote (TPM 2.0, Part 2, TPMS_ATTEST) over PCRs 8, 9 and 10
 * of the SHA-256 bank, as tpm2_quote(1) writes it.
 *
 *   quote      TPMS_ATTEST (--message); its qualifying data is the image's root hash
 *   signature  TPMT_SIGNATURE (--signature, format tss): RSASSA with SHA-256
 *   ak.pub     TPM2B_PUBLIC or TPMT_PUBLIC of an RSA key (tpm2_createak --public, format tss)
 *   expected   the three PCR values, a line each: "8 HEX", "9 HEX", "10 HEX"
 *
 * Trust: ak.pub and expected are root's word that this key is this machine's TPM's, and that these values
 * are the good ones. The rest is bytes of unknown origin. No privilege; no TPM is needed to verify.
 */
#ifndef KV_IMAGES_TPM_H
#define KV_IMAGES_TPM_H

#include <stdint.h>

struct kv_error;

#define KV_TPM_QUOTE	"quote"
#define KV_TPM_SIGNATURE "signature"
#define KV_TPM_KEY	"ak.pub"
#define KV_TPM_EXPECTED	"expected"

/* The four files of dir against the root hash. 0, or -1: KV_ERR_UNAVAILABLE (no evidence), KV_ERR_DENIED. */
int kv_tpm_verify(int dir, const uint8_t root[32], struct kv_error *err);

#endif
