// Walking through XML files.
#include "data/xml.h"

#include <gtest/gtest.h>

#include "tests/errors.h"

namespace clearcut {
namespace {

TEST(Xml, IsWalkedThroughAndItsErrorsNameTheLine) {
  std::string seen;
  const std::string text = "<a x='1.5' y=\"&lt;&#65;\"><b/>\n<c k='7'/></a>";
  const Bytes bytes(text.begin(), text.end());
  read_xml(
      bytes, "f",
      [&](const XmlElement& e) {
        seen += "<" + e.name;
        if (e.name == "a") {
          EXPECT_EQ(e.number("x"), 1.5);
          EXPECT_EQ(e.text("y"), "<A");
          EXPECT_FALSE(e.has("z"));
          expect_error([&] { e.text("z"); }, "xml: f:1: <a> has no z");
          expect_error([&] { e.integer("x"); }, "f:1: x=\"1.5\" is no whole number");
          expect_error([&] { e.number("y"); }, "is no number");
        }
        if (e.name == "c") {
          EXPECT_EQ(e.where, "f:2");
        }
      },
      [&](const std::string& name) { seen += ">" + name; });
  EXPECT_EQ(seen, "<a<b>b<c>c>a");
  EXPECT_EQ(xml_quoted("a<b>&\"\n"), "a&lt;b&gt;&amp;&quot; ");
}

TEST(Xml, ThatIsNotWellFormedIsRefusedAndErrorsComeOut) {
  const auto walk = [](const std::string& text) {
    read_xml(
        Bytes(text.begin(), text.end()), "f",
        [](const XmlElement& e) { check(e.name != "bad", "mine", "stop at ", e.where); }, [](const auto&) {});
  };
  expect_error([&] { walk("<a>\n<bad/>"); }, "mine: stop at f:2");
  expect_error([&] { walk("<a"); }, "xml: f:1: ");
  expect_error([&] { walk("<a></b>"); }, "xml: f:1: mismatched tag");
  expect_error([&] { walk(""); }, "xml: f:1: no element found");
}

}  // namespace
}  // namespace clearcut
