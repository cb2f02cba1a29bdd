#!/usr/bin/env python3
"""messages.py TREE - every text of src/base/messages.def is whole, in both languages.

Checked: duplicate and unused ids; Spanish that is missing or is the English text; the same printf
conversions in the same order; the same option names; the same blanks at both ends; the terms of the
founding documents; accents. The checks are tried on bad messages first.
"""
import os
import re
import sys

# Ids whose Spanish may be the English text: names of formats, symbols, loan words.
SAME = set()

# Ids that need not use a term, with the reason.
TERM_EXCEPTIONS = {}

# English word: what its Spanish must hold, one of them.
TERMS = [
    (r"page faults?|faults?", r"fallos?"),
    (r"frames?", r"marcos?"),
    (r"victims?", r"víctimas?"),
    (r"replacements?", r"reemplazos?|reposición"),
    (r"dirty", r"suci[oa]s?|modificad[oa]s?"),
    (r"working sets?", r"conjuntos? de trabajo"),
    (r"segments?", r"segmentos?"),
    (r"swap", r"intercambio"),
    (r"pages?", r"páginas?"),
    (r"hit ratios?", r"aciertos?"),
]

ACCENTLESS = re.compile(r"\b(" + "|".join((
    r"\w*[cs]ion", r"paginas?", r"victimas?", r"numeros?", r"lineas?", r"aqui", r"mas", r"tambien",
    r"segun", r"asi", r"codigos?", r"politicas?", r"estan", r"validos", r"invalid[oa]s?", r"maxim[oa]s?",
    r"minim[oa]s?", r"tamanos?", r"anos?", r"espanol", r"simbolos?", r"traves", r"unic[oa]s?",
    r"ultim[oa]s?", r"proxim[oa]s?", r"vaci[oa]s?", r"estadisticas?", r"grafic[oa]s?", r"metodos?",
    r"razon", r"ningun", r"algun", r"comun", r"despues", r"detras", r"ademas", r"raiz", r"indices?",
    r"limites?", r"caracter", r"parametros?", r"patron", r"exito", r"automaticamente", r"fisic[oa]s?",
    r"logic[oa]s?", r"basic[oa]s?", r"dinamic[oa]s?", r"estatic[oa]s?", r"todavia", r"genericos?",
    r"dificil", r"facil", r"util", r"calculos?", r"rapid[oa]s?", r"arboles", r"vease", r"podria",
    r"deberia", r"seria", r"habia", r"tenia", r"graficas?", r"periodicamente", r"historic[oa]s?",
)) + r")\b", re.I)

CONVERSION = re.compile(r"%([-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|j|z|t|L)?[a-zA-Z%])")
OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")
# What a person types stays as it is in every language: options, name=value, quoted words, paths.
LITERAL = re.compile(r"""(?<![\w-])--?[a-zA-Z][\w=-]*|[^\s,;()]*[=:/][^\s,;()]+|'[^'\s]*'|"[^"\s]*"|`[^`]*`""")

ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "'": "'", "r": "\r", "a": "\a", "b": "\b"}
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"((?:\\.|[^"\\])*)"|[A-Za-z_]\w*|\S', re.S)


def unescape(text):
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m.group(1), m.group(0)), text)


def parse(text):
    """[(line, id, english, spanish)]; ValueError with the line where the file is not as it must be."""
    tokens = []
    for match in TOKEN.finditer(text):
        token = match.group(0)
        if not token.startswith(("/*", "//")):
            tokens.append((text.count("\n", 0, match.start()) + 1, token, match.group(1)))
    messages, i = [], 0

    def take(wanted):
        nonlocal i
        line, token, string = tokens[i] if i < len(tokens) else (tokens[-1][0], "the end", None)
        if wanted == "id" and re.fullmatch(r"[A-Za-z_]\w*", token):
            i += 1
            return token
        if wanted == "text" and string is not None:
            whole = ""
            while i < len(tokens) and tokens[i][2] is not None:
                whole += unescape(tokens[i][2])
                i += 1
            return whole
        if token != wanted:
            raise ValueError(f"messages.def:{line}: {token} where {wanted} was expected")
        i += 1
        return token

    while i < len(tokens):
        line = tokens[i][0]
        take("KB_MESSAGE"), take("(")
        name = take("id")
        take(",")
        english = take("text")
        take(",")
        spanish = take("text")
        take(")")
        messages.append((line, name, english, spanish))
    return messages


def prose_of(text):
    return LITERAL.sub(" ", CONVERSION.sub(" ", text))


def check_message(name, english, spanish):
    problems = []
    if not english.strip():
        problems.append("the English text is empty")
    if not spanish.strip():
        return problems + ["the Spanish text is empty"]
    wordless = not re.search(r"[A-Za-z]{2}", prose_of(english))
    if spanish == english and not wordless and name not in SAME:
        problems.append("the Spanish text is the English one")
    if CONVERSION.findall(english) != CONVERSION.findall(spanish):
        problems.append(f"conversions differ: {CONVERSION.findall(english)}, "
                        f"{CONVERSION.findall(spanish)}")
    if sorted(set(OPTION.findall(english))) != sorted(set(OPTION.findall(spanish))):
        problems.append(f"options differ: {OPTION.findall(english)}, {OPTION.findall(spanish)}")
    for end, pattern in (("beginning", r"^\s*"), ("end", r"\s*$")):
        if re.search(pattern, english).group(0) != re.search(pattern, spanish).group(0):
            problems.append(f"blanks or newlines at the {end} differ")
    plain_english, plain_spanish = prose_of(english), prose_of(spanish)
    if name not in TERM_EXCEPTIONS:
        for wanted, terms in TERMS:
            if re.search(rf"\b(?:{wanted})\b", plain_english, re.I) and not \
                    re.search(rf"\b(?:{terms})\b", plain_spanish, re.I):
                problems.append(f"the English has /{wanted}/, the Spanish lacks /{terms}/")
    for match in ACCENTLESS.finditer(plain_spanish):
        problems.append(f"“{match.group(0)}” lacks its accent")
    if "?" in plain_spanish and "¿" not in plain_spanish:
        problems.append("a question without ¿")
    if "\ufffd" in spanish or re.search(r"Ã.|Â.", spanish):
        problems.append("broken UTF-8")
    return problems


def check_texts(messages):
    problems, seen = [], {}
    for line, name, english, spanish in messages:
        if name in seen:
            problems.append(f"messages.def:{line}: {name} is already on line {seen[name]}")
        seen[name] = line
        problems += [f"messages.def:{line}: {name}: {p}" for p in check_message(name, english, spanish)]
    return problems


def used_ids(texts):
    """Ids that appear as KB_MSG_id, or that a macro makes: #define M(name) … KB_MSG_title_##name, or
    PASTE(KB_MSG_title, NAME) where files #define NAME."""
    used, macros = set(), []
    whole = "\n".join(texts).replace("\\\n", " ")
    used.update(re.findall(r"\bKB_MSG_(\w+)\b(?!\s*##)", whole))
    for prefix, macro in re.findall(r"\(\s*KB_MSG_(\w+)\s*,\s*(\w+)\s*\)", whole):
        for value in re.findall(rf"#\s*define\s+{macro}\s+(\w+)", whole):
            used.add(f"{prefix}_{value}")
    for name, parameters, body in re.findall(r"#\s*define\s+(\w+)\(([^)]*)\)([^\n]*)", whole):
        if name == "KB_MESSAGE":
            continue
        names = [p.strip() for p in parameters.split(",")]
        for prefix, parameter, suffix in re.findall(
                r"\bKB_MSG_(\w*)\s*##\s*(\w+)(?:\s*##\s*(\w+))?", body):
            if parameter in names:
                macros.append((name, names.index(parameter), prefix, suffix))
    for name, index, prefix, suffix in set(macros):
        for arguments in re.findall(rf"\b{name}\(([^()]*(?:\([^()]*\)[^()]*)*)\)", whole):
            parts = [a.strip() for a in arguments.split(",")]
            if index < len(parts):
                used.add(prefix + parts[index] + suffix)
    return used


def check_use(messages, texts):
    used = used_ids(texts)
    return [f"messages.def:{line}: {name} is not used" for line, name, _, _ in messages
            if name not in used and name != "none"]


def self_test():
    problems = []
    bad = [
        ('"a file", ""', "is empty"),
        ('"a file", "a file"', "is the English"),
        ('"%s of %llu", "%llu de %s"', "conversions"),
        ('"100%% of %.2f", "100%% de %.3f"', "conversions"),
        ('"a page" " fault", "una falta"', "lacks"),
        ('"the frame", "el cuadro"', "lacks"),
        ('"the working set", "el grupo"', "lacks"),
        ('"the line", "la linea"', "accent"),
        ('"the direction", "la direccion"', "accent"),
        ('"one more\\n", "uno más"', "end differ"),
        ('"try --frames", "pruebe con --marcos"', "options"),
        ('"really?", "¿De veras"', None),
        ('"really?", "de veras?"', "without ¿"),
        ('"a page %s", "una página %s"', None),
        ('"--page-size needs 4K", "--page-size necesita 4K"', None),
        ('"%llu/%llu", "%llu/%llu"', None),
        ('"zipf:pages=1:frames=2 makes", "zipf:pages=1:frames=2 hace"', None),
    ]
    for texts, wanted in bad:
        found = check_texts(parse(f"/* x */ KB_MESSAGE(id, {texts})"))
        if (wanted is None and found) or (wanted is not None and wanted not in "".join(found)):
            problems.append(f"self-test: {texts}: wanted {wanted}, found {found}")
    if "already" not in "".join(check_texts(parse('KB_MESSAGE(a,"x","y") KB_MESSAGE(a,"x","y")'))):
        problems.append("self-test: a duplicate id passes")
    messages = parse("".join(f'KB_MESSAGE({i}, "x", "y")' for i in ("one", "t_two", "three", "why_five", "four")))
    texts = ["f(KB_MSG_one);", "#define T(a, b) \\\n  {a, KB_MSG_t_##b},\nT(1, two)",
             "#define S(id) text(KB_MSG_##id)\nS(three);",
             "#define KIND five", "x = PASTE(KB_MSG_why, KIND);"]
    found = check_use(messages, texts)
    if len(found) != 1 or "four is not used" not in found[0]:
        problems.append(f"self-test: unused ids: {found}")
    try:
        parse('KB_MESSAGE(a, "x" "y")')
        problems.append("self-test: a message without Spanish passes")
    except ValueError:
        pass
    return problems


def main():
    tree = sys.argv[1]
    path = os.path.join(tree, "src/base/messages.def")
    problems = self_test()
    try:
        with open(path, encoding="utf-8") as file:
            messages = parse(file.read())
    except (ValueError, UnicodeDecodeError) as error:
        print(f"messages.def: {error}")
        return 1
    texts = []
    for folder, _, names in os.walk(os.path.join(tree, "src")):
        for name in names:
            if name.endswith((".c", ".h", ".def")) and name != "messages.def":
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    texts.append(file.read())
    problems += check_texts(messages) + check_use(messages, texts)
    for problem in problems:
        print(problem)
    print(f"{len(messages)} messages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
