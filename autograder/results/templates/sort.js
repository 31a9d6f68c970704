// Sorts a table by the column whose heading is pressed; data-value, where there is one, counts.
document.querySelectorAll("table.sortable").forEach(function (table) {
  var buttons = table.querySelectorAll("thead button");
  buttons.forEach(function (button, column) {
    button.addEventListener("click", function () {
      var heading = button.parentElement;
      var down = heading.getAttribute("aria-sort") === "ascending";
      buttons.forEach(function (other) { other.parentElement.removeAttribute("aria-sort"); });
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      var body = table.tBodies[0];
      var value = function (row) {
        var cell = row.cells[column];
        var number = cell.getAttribute("data-value");
        return number === null ? cell.textContent.trim() : Number(number);
      };
      Array.from(body.rows)
        .sort(function (a, b) {
          var x = value(a), y = value(b);
          var order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
          return down ? -order : order;
        })
        .forEach(function (row) { body.appendChild(row); });
    });
  });
});
