/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hpre_rows.h - the table of operations: who offers one, which widths it has,
 * and what lies in its three buffers, in order.  Private to hw/hpre.
 */
#ifndef HPRE_ROWS_H
#define HPRE_ROWS_H

#include "hw/hpre/hpre.h"

#define HPRE_LIST 8 /* most numbers in a buffer */

struct hpre_row {
	uint8_t qm_version; /* from this generation on; 0: no operation */
	uint8_t queue_type;
	uint8_t widths;		/* a set of enum hpre_widths */
	uint8_t key[HPRE_LIST]; /* enum hpre_number, ends with HPRE_END */
	uint8_t in[HPRE_LIST];
	uint8_t out[HPRE_LIST];
};

/* How much room a number has. */
enum hpre_unit { HPRE_WHOLE, HPRE_HALF, HPRE_LENGTH };

/* What must hold for a number, whoever it comes from. */
struct hpre_rule {
	uint8_t unit;
	uint8_t below; /* enum hpre_number; HPRE_END: no bound */
	bool zero_ok;
	bool odd;
	bool string; /* bytes, not a number: never padded */
};

extern const struct hpre_rule hpre_rules[HPRE_NUMBERS];

/* The operation's row; NULL: no such operation, or not of this width. */
const struct hpre_row *hpre_row(enum hpre_alg alg, uint32_t width);

/* As hpre_row(), and the fields that only some operations have are in order. */
const struct hpre_row *hpre_op_row(const struct hpre_op *op);

/* Bytes of one number; of a whole list. */
size_t hpre_room(unsigned int number, uint32_t width, uint32_t msg_len);
size_t hpre_list_size(const uint8_t *list, uint32_t width, uint32_t msg_len);

#endif
