// The error of a training run whose numbers are no longer finite.
#pragma once

#include "tensor/error.h"

namespace clearcut {

/// A loss or gradient became NaN or infinite. The text names the step.
class NumericalError : public Error {
 public:
  using Error::Error;
};

}  // namespace clearcut
