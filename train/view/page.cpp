// The page's files, carried in the program (the Makefile says what this object depends on).
#include "train/svg.h"
#include "train/view/site.h"

#include "tensor/error.h"

// Their bytes, with a zero behind, as the assembler finds them from the root of the source tree.
#define CLEARCUT_CARRY(name, file)                                                 \
  asm(".section .rodata\n" #name ":\n.incbin \"" file "\"\n.byte 0\n.previous\n"); \
  extern "C" const char name[]
CLEARCUT_CARRY(clearcut_view_html, "train/view/page.html");
CLEARCUT_CARRY(clearcut_view_css, "train/view/page.css");
CLEARCUT_CARRY(clearcut_view_js, "train/view/page.js");

namespace clearcut {

std::string view_page(const std::string& title, const std::string& nonce) {
  std::string page;
  std::string_view rest = clearcut_view_html;
  while (!rest.empty()) {
    // {word} in the HTML file; other braces do not occur there.
    const std::size_t open = rest.find('{');
    page += rest.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = rest.find('}', open);
    const std::string_view word = rest.substr(open + 1, close - open - 1);
    if (word == "title") page += html_escape(title);
    if (word == "nonce") page += nonce;
    if (word == "policy") page += html_escape(view_policy(nonce));
    if (word == "style") page += clearcut_view_css;
    if (word == "script") page += clearcut_view_js;
    rest.remove_prefix(close + 1);
  }
  return page;
}

}  // namespace clearcut
