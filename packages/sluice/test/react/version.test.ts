import { version } from "react";
import { version as domVersion } from "react-dom";
import { expect, it } from "vitest";

// vitest.config.ts runs this folder twice.
it("runs on the React that its project is named for", () => {
  const major = process.env["SLUICE_TEST_REACT"] ?? "19";
  expect([version, domVersion].map((text) => text.split(".")[0])).toEqual([major, major]);
});
