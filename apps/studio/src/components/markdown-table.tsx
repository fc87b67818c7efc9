import type { MarkdownToJSX } from "markdown-to-jsx/react";
import type { ReactNode } from "react";

interface MarkdownTableProps {
  readonly table: MarkdownToJSX.TableNode;
  readonly renderCell: (nodes: readonly MarkdownToJSX.ASTNode[]) => ReactNode;
}

/** A wide table scrolls in itself; the page does not. */
export function MarkdownTable({ table, renderCell }: MarkdownTableProps): ReactNode {
  const { header, cells, align } = table;
  return (
    <div className="table">
      <table>
        <thead>
          <tr>
            {header.map((cell, column) => (
              <th key={column} scope="col" dir="auto" data-align={align[column] ?? undefined}>
                {renderCell(cell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column} dir="auto" data-align={align[column] ?? undefined}>
                  {renderCell(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
