/* SPDX-License-Identifier: Apache-2.0 */
#include "emu/emu_engine.h"

const struct emu_engine *const emu_engines[UACCE_ENGINES] = {
	[UACCE_HPRE] = &emu_hpre,
	[UACCE_SEC] = &emu_sec,
	[UACCE_ZIP] = &emu_zip,
};
