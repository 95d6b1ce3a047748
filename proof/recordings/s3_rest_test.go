package recordings

func s3Forms(a aisle)   {}
func s3Control(a aisle) {}
