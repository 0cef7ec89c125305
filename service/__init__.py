"""linefit: fits linear models; the rows are summed once, exactly."""
