import type { RuleType } from "markdown-to-jsx/react";
import { memo, type ReactNode } from "react";
import type { MarkdownNode } from "../markdown/parse.ts";
import { renderInlines, wordsOf, type NodeOf } from "./markdown-inline.tsx";
import { ScrollArea } from "./scroll-area.tsx";

type Table = NodeOf<typeof RuleType.table>;
type Row = Table["header"];

/** A wide table scrolls in itself; the page does not. */
export function MarkdownTable({ table }: { readonly table: Table }): ReactNode {
  const { header, cells, align } = table;
  const columns = header.map((cell) => wordsOf(cell).trim()).filter((words) => words !== "");
  return (
    <ScrollArea className="table" label={`Table: ${columns.join(", ")}`}>
      <table dir="auto">
        <thead>
          <tr>
            {header.map((cell, column) => (
              <th key={column} scope="col" data-align={align[column] ?? undefined}>
                {renderInlines(cell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, index) => (
            <TableRow key={index} row={row} align={align} />
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

const TableRow = memo(function TableRow({ row, align }: { readonly row: Row } & Pick<Table, "align">): ReactNode {
  return (
    <tr>
      {row.map((cell: readonly MarkdownNode[], column) => (
        <td key={column} data-align={align[column] ?? undefined}>
          {renderInlines(cell)}
        </td>
      ))}
    </tr>
  );
});
