document.querySelectorAll("table.sortable th").forEach(function (title) {
  title.addEventListener("click", function () {
    var body = title.closest("table").tBodies[0];
    var column = title.cellIndex;
    var down = title.dataset.order !== "down";
    var number = function (text) {
      var found = /^[+-]?[\d,]*\.?\d+/.exec(text.trim());
      return found ? parseFloat(found[0].replace(/,/g, "")) : NaN;
    };
    title.dataset.order = down ? "down" : "up";
    Array.from(body.rows)
      .sort(function (a, b) {
        var x = a.cells[column].textContent, y = b.cells[column].textContent;
        var p = number(x), q = number(y);
        var order = isNaN(p) || isNaN(q) || column === 0 ? x.localeCompare(y) : p - q;
        return down ? -order : order;
      })
      .forEach(function (row) { body.appendChild(row); });
  });
});
