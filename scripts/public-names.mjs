// Writes test/exports.json, the list of public names that test/exports.test.ts keeps: `npm run exports:update`.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/**
 * @typedef {object} Names
 * @property {readonly string[]} values what exists at run time; a class is listed here only
 * @property {readonly string[]} types
 */

const library = fileURLToPath(new URL("../packages/sluice/", import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL("../test/exports.json", import.meta.url));
  writeFileSync(file, `${JSON.stringify(publicNames(), undefined, 2)}\n`);
}

/**
 * What each subpath of the library exports, as the compiler sees it.
 * @returns {Record<string, Names>}
 */
export function publicNames() {
  const sources = sourcesBySubpath();
  const configFile = join(library, "tsconfig.json");
  const { config } = ts.readConfigFile(configFile, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(configFile));
  const program = ts.createProgram(
    sources.map(([, file]) => file),
    options,
  );
  const checker = program.getTypeChecker();
  return Object.fromEntries(sources.map(([subpath, file]) => [subpath, namesOf(checker, program.getSourceFile(file))]));
}

/**
 * The entry `./sse` of the exports map becomes `sluice/sse` with its source file.
 * @returns {[string, string][]}
 */
function sourcesBySubpath() {
  const { exports } = JSON.parse(readFileSync(join(library, "package.json"), "utf8"));
  return Object.entries(exports)
    .filter(([, target]) => typeof target === "object")
    .map(([key, target]) => [key.replace(/^\./, "sluice"), join(library, target["@sluice/source"])]);
}

/**
 * @param {ts.TypeChecker} checker
 * @param {ts.SourceFile | undefined} file
 * @returns {Names}
 */
function namesOf(checker, file) {
  const module = file && checker.getSymbolAtLocation(file);
  const symbols = module === undefined ? [] : checker.getExportsOfModule(module);
  /** @param {boolean} value */
  const pick = (value) =>
    symbols
      .filter((symbol) => isValue(checker, symbol) === value)
      .map((symbol) => symbol.name)
      .sort();
  return { values: pick(true), types: pick(false) };
}

/**
 * @param {ts.TypeChecker} checker
 * @param {ts.Symbol} symbol
 */
function isValue(checker, symbol) {
  if (symbol.declarations?.some((declaration) => ts.isTypeOnlyImportOrExportDeclaration(declaration))) return false;
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return (target.flags & ts.SymbolFlags.Value) !== 0;
}
