#include "apps/version.h"

#include "data/picture.h"
#include "tensor/cpu/isa.h"
#include "tensor/error.h"
#include "train/program.h"

namespace clearcut::apps {

std::string version_text() {
  const std::string decoders = picture_decoder();
  const bool minimal = decoders.find("stb") != std::string::npos;
  return cat("clearcut ", program_version(), minimal ? " (minimal)" : "", "\ncommit: ", program_commit(),
             "\npictures: ", decoders, "\ninstruction set: ", isa_table().name, "\ncompiler: g++ ",
             __VERSION__, ", OpenMP ", _OPENMP);
}

}  // namespace clearcut::apps
