// Tests of error texts.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tensor/error.h"

namespace clearcut {

/// `call` must throw Error whose text contains `text`.
template <class Call>
void expect_error(const Call& call, const std::string& text) {
  try {
    call();
    ADD_FAILURE() << "accepted; expected an error with: " << text;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << "said: " << error.what();
  }
}

}  // namespace clearcut
