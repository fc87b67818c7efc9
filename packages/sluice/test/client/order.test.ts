import { expect, it } from "vitest";
import { createOrder } from "../../src/client/order.ts";

const uuid = (skip: string, sequence: string): string => `0a1b2c3d-4e5f-8${skip}-8678-${sequence}`;

it("an event is new once, whether its id is an offset, a UUID of ours, or either after its run", () => {
  for (const prefix of ["", "run_1~"]) {
    for (const [first, second, third] of [
      ["15", "15.1", "16"],
      [uuid("000", "000000000005"), uuid("001", "000000000005"), uuid("000", "000000000006")],
    ] as const) {
      const isNew = createOrder(prefix + first);
      expect([second, first, second, third, third].map((id) => isNew(prefix + id))).toEqual([
        true,
        false,
        false,
        true,
        false,
      ]);
    }
  }
});

it("an id that tells no order is always new: a UUID of somebody else too", () => {
  const isNew = createOrder(undefined);
  const foreign = "550e8400-e29b-41d4-a716-446655440000";
  expect([foreign, foreign, "a", "a"].map(isNew)).toEqual([true, true, true, true]);
});
