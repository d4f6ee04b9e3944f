/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip_fields.h - the ZIP descriptor and its codes.  Tables only: shared by
 * codec and device model, holds no logic.  Scatter lists are those of SEC
 * (docs/hw/sec.md#sgl).
 */
#ifndef ZIP_FIELDS_H
#define ZIP_FIELDS_H

#include "base/wd_field.h"

#define ZIP_SQE_WORDS 32

struct zip_sqe {
	uint32_t w[ZIP_SQE_WORDS];
};
_Static_assert(sizeof(struct zip_sqe) == 128,
	       "ZIP descriptors are 128 bytes on the ring");

#define WD_FIELD WD_FIELD_ENUM
enum zip_field {
#include "hw/zip/zip_sqe.def"
	ZIP_FIELDS
};
#undef WD_FIELD
#define WD_FIELD WD_FIELD_ROW
static const struct wd_field zip_fields[ZIP_FIELDS] = {
#include "hw/zip/zip_sqe.def"
};
#undef WD_FIELD

/* Core groups: what a queue does; docs/hw/zip.md#direction */
enum zip_qc_type { ZIP_COMPRESS, ZIP_DECOMPRESS };

/* Field REQ_TYPE; docs/hw/zip.md#request-types */
enum zip_request { ZIP_DEFLATE = 1, ZIP_ZLIB = 2, ZIP_GZIP = 3, ZIP_LZ4 = 4 };

/* Field BUF_TYPE */
enum zip_buffer { ZIP_FLAT, ZIP_SGL };

/* Field SQE_TYPE; docs/hw/zip.md#sqe-type */
#define ZIP_SQE_TYPE_V2 0
#define ZIP_SQE_TYPE_V3 3

/* Field WINDOW: 4, 8, 16, 24, 32 KiB */
#define ZIP_WINDOW_MAX 4

/* Field STATUS; docs/hw/zip.md#status */
enum zip_status {
	ZIP_OK = 0x00,
	ZIP_NEGATIVE = 0x0D, /* larger than the input: data is valid */
	ZIP_NO_ROOM = 0x0E,
	ZIP_BAD_CHECKSUM = 0x10,
	ZIP_STREAM_END = 0x13,
};

/* Most bytes of a flat buffer. */
#define ZIP_FLAT_MAX (8u << 20)

#endif
