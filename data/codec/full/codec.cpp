// JPEG by libjpeg-turbo, PNG by libspng.
#include "data/codec/codec.h"

#include <jerror.h>
#include <jpeglib.h>
#include <spng.h>

#include <csetjmp>
#include <cstdio>
#include <memory>

#include "tensor/error.h"

namespace clearcut::codec {

namespace {

#define CLEARCUT_TEXT(x) #x
#define CLEARCUT_TEXT_OF(x) CLEARCUT_TEXT(x)

// libjpeg reports through C callbacks, which no exception may cross: they note the text and jump.
struct JpegError {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char text[JMSG_LENGTH_MAX];
};

void note(j_common_ptr info) {
  auto* error = reinterpret_cast<JpegError*>(info->err);
  info->err->format_message(info, error->text);
}

[[noreturn]] void leave(j_common_ptr info) {
  note(info);
  std::longjmp(reinterpret_cast<JpegError*>(info->err)->jump, 1);
}

// libjpeg goes on after damage and fills in gray. Warnings that mean lost picture data are errors here;
// those about stray bytes between segments, which many cameras write, are not.
bool loses_data(int code) {
  return code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_JPEG_EOF ||
         code == JWRN_MUST_RESYNC || code == JWRN_BOGUS_PROGRESSION || code == JWRN_NOT_SEQUENTIAL;
}

void warn(j_common_ptr info, int level) {
  if (level < 0 && loses_data(info->err->msg_code)) leave(info);
}

// Multiplies two shares of 255.
std::uint8_t product(int a, int b) { return static_cast<std::uint8_t>((a * b + 127) / 255); }

// One row of CMYK to RGB. Adobe's files hold 255 - C and so on.
void cmyk_row(const std::uint8_t* in, std::uint8_t* out, std::int64_t width, bool inverted) {
  for (std::int64_t x = 0; x < width; ++x, in += 4)
    for (int c = 0; c < 3; ++c) *out++ = inverted ? product(in[c], in[3]) : product(255 - in[c], 255 - in[3]);
}

struct JpegDecoder {
  jpeg_decompress_struct info{};
  JpegError error{};
  ~JpegDecoder() { jpeg_destroy_decompress(&info); }
};

// False after an error, with its text in d.error. Nothing in here has a destructor that longjmp would skip.
bool start(JpegDecoder& d, ByteView bytes) {
  if (setjmp(d.error.jump) != 0) return false;
  jpeg_create_decompress(&d.info);
  jpeg_mem_src(&d.info, bytes.data(), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&d.info, TRUE);
  const bool four = d.info.num_components == 4;
  d.info.out_color_space = four ? JCS_CMYK : JCS_RGB;
  d.info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&d.info);
  return true;
}

bool read_rows(JpegDecoder& d, std::uint8_t* out, std::uint8_t* row) {
  if (setjmp(d.error.jump) != 0) return false;
  const auto width = static_cast<std::int64_t>(d.info.output_width);
  while (d.info.output_scanline < d.info.output_height) {
    std::uint8_t* target = out + static_cast<std::int64_t>(d.info.output_scanline) * width * 3;
    JSAMPROW rows[1] = {d.info.output_components == 4 ? row : target};
    jpeg_read_scanlines(&d.info, rows, 1);
    if (d.info.output_components == 4) cmyk_row(row, target, width, d.info.saw_Adobe_marker != 0);
  }
  jpeg_finish_decompress(&d.info);
  return true;
}

}  // namespace

Tensor decode_jpeg(ByteView bytes, const std::string& name) {
  JpegDecoder d;
  d.info.err = jpeg_std_error(&d.error.base);
  d.error.base.error_exit = leave;
  d.error.base.emit_message = warn;
  d.error.base.output_message = note;
  check(start(d, bytes), "jpeg", name, ": ", d.error.text);
  Tensor picture({d.info.output_height, d.info.output_width, 3}, DType::kUInt8);
  Bytes row(d.info.output_components == 4 ? 4 * std::size_t{d.info.output_width} : 0);
  check(read_rows(d, picture.data<std::uint8_t>(), row.data()), "jpeg", name, ": ", d.error.text,
        "; the file is damaged or truncated");
  return picture;
}

Tensor decode_png(ByteView bytes, const std::string& name) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> png(spng_ctx_new(0), &spng_ctx_free);
  check(png != nullptr, "png", name, ": out of memory");
  const auto step = [&](int status) {
    check(status == 0, "png", name, ": ", spng_strerror(status), "; the file is damaged or truncated");
  };
  step(spng_set_crc_action(png.get(), SPNG_CRC_ERROR, SPNG_CRC_DISCARD));
  step(spng_set_png_buffer(png.get(), bytes.data(), bytes.size()));
  spng_ihdr header{};
  step(spng_get_ihdr(png.get(), &header));
  std::size_t size = 0;
  step(spng_decoded_image_size(png.get(), SPNG_FMT_RGB8, &size));
  Tensor picture({header.height, header.width, 3}, DType::kUInt8);
  check(size == picture.bytes(), "png", name, ": decodes to ", size, " bytes, ", picture.shape(), " needs ",
        picture.bytes());
  step(spng_decode_image(png.get(), picture.data<std::uint8_t>(), size, SPNG_FMT_RGB8, 0));
  return picture;
}

std::string decoder_names() {
  return cat("libjpeg-turbo ", CLEARCUT_TEXT_OF(LIBJPEG_TURBO_VERSION), ", libspng ", spng_version_string());
}

}  // namespace clearcut::codec
