# SPDX-License-Identifier: Apache-2.0
# Cross build for Kunpeng on an x86-64 Debian; tests run under qemu-user.
# libcrypto, libgcrypt and zlib of the target come unpacked from
#   tools/fetch.sh debs arm64 $WD_CACHE/arm64 libssl-dev libssl3 \
#     libgcrypt20-dev libgcrypt20 libgpg-error-dev libgpg-error0 \
#     zlib1g-dev zlib1g
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
if(DEFINED ENV{WD_CACHE})
  set(_root "$ENV{WD_CACHE}/arm64")
else()
  set(_root "$ENV{HOME}/.cache/wd/arm64")
endif()
set(_lib "${_root}/usr/lib/aarch64-linux-gnu")
set(OPENSSL_ROOT_DIR "${_root}/usr" CACHE PATH "")
set(OPENSSL_INCLUDE_DIR "${_root}/usr/include" CACHE PATH "")
set(OPENSSL_CRYPTO_LIBRARY "${_lib}/libcrypto.so" CACHE FILEPATH "")
set(GCRYPT_LIBRARY "${_lib}/libgcrypt.so" CACHE FILEPATH "")
set(GCRYPT_INCLUDE_DIR "${_root}/usr/include" CACHE PATH "")
# zlib1g-dev's own link is absolute and leads nowhere here.
file(GLOB _zlib "${_root}/lib/aarch64-linux-gnu/libz.so.1"
  "${_lib}/libz.so.1")
set(ZLIB_LIBRARY "${_zlib}" CACHE FILEPATH "")
set(OPENSSL_SSL_LIBRARY "${_lib}/libssl.so" CACHE FILEPATH "")
set(CMAKE_C_FLAGS_INIT "-isystem ${_root}/usr/include -isystem ${_root}/usr/include/aarch64-linux-gnu")
set(_link "-L${_lib} -Wl,-rpath-link,${_lib}:${_root}/lib/aarch64-linux-gnu")
set(CMAKE_EXE_LINKER_FLAGS_INIT "${_link}")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "${_link}")
set(CMAKE_CROSSCOMPILING_EMULATOR
  "qemu-aarch64;-L;/usr/aarch64-linux-gnu;-E;LD_LIBRARY_PATH=${_lib}:${_root}/lib/aarch64-linux-gnu")
