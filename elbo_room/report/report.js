// The whole table: a click on a heading sorts, words in the field filter. Without scripts it stands as it is.
const table = document.querySelector(".whole table");
if (table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  const field = document.querySelector("#filter");
  const count = document.querySelector("#count");

  const sort = (column, down) => {
    const value = row => row.cells[column].dataset.sort ?? row.cells[column].textContent;
    const compare = (one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === "");  // what is empty comes last
      const order = isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
      return down ? -order : order;
    };
    body.append(...rows.sort(compare));
    headings.forEach((th, i) => th.setAttribute("aria-sort",
      i !== column ? "none" : down ? "descending" : "ascending"));
  };

  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const names = [...row.cells].slice(0, 5).map(cell => cell.textContent).join(" ");
      row.hidden = !words.every(word => names.includes(word));
    }
    const left = rows.filter(row => !row.hidden).length;
    count.textContent = `${left} of ${rows.length} rows`;
  };

  headings.forEach((th, column) => th.querySelector("button").addEventListener("click",
    () => sort(column, th.getAttribute("aria-sort") === "ascending")));
  field.addEventListener("input", filter);
  filter();
}
