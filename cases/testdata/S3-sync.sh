# The tour: a bucket, a folder up and down again, and what lies on disk.
aws s3 mb s3://tour >/dev/null
mkdir -p site/deep/er
echo "<h1>a page</h1>" >site/index.html
echo "of the deep" >site/deep/er/file.txt
head -c 9000000 /dev/urandom >site/large.bin
aws s3 sync site s3://tour/site --no-progress >/dev/null
same 3 "$(aws s3 ls s3://tour/site/ --recursive | wc -l)"
aws s3 sync s3://tour/site back --no-progress >/dev/null
diff -r site back
aws s3 mv s3://tour/site/index.html s3://tour/moved.html >/dev/null
aws s3 rm s3://tour/site --recursive >/dev/null
same moved.html "$(aws s3 ls s3://tour | awk '{print $4}')"
same 0 "$(grep -rlaF 'of the deep' "$DATA" | wc -l)"
aws s3 rb s3://tour --force >/dev/null
refused NoSuchBucket aws s3api list-objects-v2 --bucket tour
