# Writes OUT, a header with the file IN as a text constant NAME of namespace NAMESPACE. Run at build time.
file(READ ${IN} text)
file(WRITE ${OUT} "// Written by cmake/embed_text.cmake.
#pragma once

#include <string_view>

namespace ${NAMESPACE} {

inline constexpr std::string_view ${NAME} = R\"embedded(${text})embedded\";

}  // namespace ${NAMESPACE}
")
