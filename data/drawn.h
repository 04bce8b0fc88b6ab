// The drawn data set: textured objects on textured grounds, with exact masks, drawn from a seed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace clearcut {

/// Six classes of objects; each class is a texture that fills the whole object. Colours say nothing: every
/// object, ground and distractor draws its two colours from one distribution. Shapes say little: a class has
/// its usual shape in 7 of 10 objects and any shape else. Distractors have the shapes of objects and the
/// textures of grounds, and are background.
///
///   1 bricks   2 checks   3 chevrons   4 dots   5 rings   6 stripes        0 background
constexpr int kDrawnClasses = 7;
const std::array<std::string, kDrawnClasses>& drawn_class_names();

struct DrawnOptions {
  std::uint64_t seed = 1;
  std::int64_t size = 64;    // pixels, both sides; textures grow with it
  double two_classes = 0.1;  // chance of a second, smaller object of another class
  double repeats = 0.2;      // chance of a second, smaller object of the same class
  double distractors = 0.7;  // chance of each of two distractors
  double noise = 6;          // deviation of the pixel noise, in 0..255 units
};

struct DrawnPicture {
  Tensor image;              // uint8 [size, size, 3]
  Tensor mask;               // int32 [size, size], class per pixel, decided at the pixel's centre
  int main_class = 0;        // of the largest object
  std::vector<int> classes;  // all classes in the mask, ascending
};

/// Picture number `index`. It depends on (options, index) only: any subset, in any order, on any number of
/// threads gives the same pixels. Main classes take turns: class of picture i is 1 + i mod 6.
DrawnPicture draw_picture(std::uint64_t index, const DrawnOptions& options = {});

/// Number of pictures of each split. Picture indices run through the splits in this order.
struct DrawnSplits {
  std::int64_t train = 1200, val = 300;
};

/// Writes the data set to a folder, in the layouts that open_dataset() reads:
///
///   train/<class>/<id>.png   val/<class>/<id>.png    pictures in the folder of their main class   (folders)
///   masks/train/<class>/<id>.png   masks/val/...     label PNG with palette
///   classes.txt              INDEX NAME R G B, with background 0; objects.txt the same without it, from 0
///   train.txt, val.txt       IMAGE MASK                                                           (list)
///   labels.csv               image,classes,split; with masks = "masks" also the truth             (csv)
///
/// Throws Error on sizes below 32 or above 1024 and on splits below 6 pictures.
void write_drawn(const std::string& folder, const DrawnSplits& splits = {}, const DrawnOptions& options = {});

}  // namespace clearcut
