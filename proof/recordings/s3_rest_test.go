package recordings

func s3AccessLists(a aisle)     {}
func s3Checksums(a aisle)       {}
func s3Uploads(a aisle)         {}
func s3UploadChecksums(a aisle) {}
func s3Encryption(a aisle)      {}
func s3CustomerKeys(a aisle)    {}
func s3Sharing(a aisle)         {}
func s3Presigned(a aisle)       {}
func s3Forms(a aisle)           {}
func s3Control(a aisle)         {}
